"""What an operator can set for Exact Online: environment variables ``POSTBODE_DELIVER_EXACT_…``."""

from __future__ import annotations

from pydantic import Field, SecretStr

from libs.setting_types import HttpUrl
from libs.settings import Settings
from services.deliver.exact.oauth import App


class ExactSettings(Settings):
    exact_client_id: str | None = Field(
        default=None,
        description="of the hub's app at Exact Online (apps.exactonline.com); unset: no links there",
    )
    exact_client_secret: SecretStr | None = Field(default=None, description="the secret that goes with it")
    exact_redirect_uri: str | None = Field(
        default=None,
        pattern=r"^https://\S+$",
        description="https, and letter for letter as registered there: where a person comes back to with a code",
    )
    exact_in_plan: bool = Field(
        default=True, description="whether accounts of this hub may link Exact Online"
    )
    exact_host: HttpUrl | None = Field(
        default=None, description="instead of Exact's own hosts: a simulator of it, for tests"
    )
    exact_settle_seconds: float = Field(
        default=120.0,
        ge=0,
        description="so long a step of unknown end is left alone before it is looked up: it may be under way still, and"
        " a call is given up after 60 s",
    )

    @property
    def exact_app(self) -> App | None:
        """None while any of the three is unset."""
        if (
            self.exact_client_id is None
            or self.exact_client_secret is None
            or self.exact_redirect_uri is None
        ):
            return None
        return App(self.exact_client_id, self.exact_client_secret.get_secret_value(), self.exact_redirect_uri)
