"""The HTTP service: documents, what fills them, and the application that answers with them."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.service.service import Service
    from era_service.web.app import create_app

__all__ = ["Service", "create_app"]

__getattr__ = front_door(
    __name__,
    {"era_service.web.app": ("create_app",), "era_service.service.service": ("Service",)},
)
