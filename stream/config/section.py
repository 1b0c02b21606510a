"""What every table of the configuration has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A table of the configuration: unknown keys are refused, values never change afterwards."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # it may be a password
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_a_truth_value(cls, value: object, info: ValidationInfo) -> object:
        is_one = cls.model_fields[str(info.field_name)].annotation is bool
        if isinstance(value, bool) and not is_one:  # pydantic would read `fps = true` as 1.0
            raise ValueError("must not be true or false")  # pydantic gathers ValueErrors only
        return value
