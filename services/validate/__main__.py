from __future__ import annotations

from libs.runtime import main
from services.validate.app import build
from services.validate.settings import ValidateSettings

main("validate", ValidateSettings, build)
