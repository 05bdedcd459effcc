from era_service.service.service import Service as Service
from era_service.web.app import create_app as create_app
