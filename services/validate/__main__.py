from __future__ import annotations

from libs.process import main
from services.validate.app import MIGRATIONS, build
from services.validate.settings import ValidateSettings

main("validate", ValidateSettings, build, MIGRATIONS)
