from era_service.demo.events import DemoEvent as DemoEvent
from era_service.demo.stage import CHAIN_FILE as CHAIN_FILE
from era_service.demo.stage import Stage as Stage
from era_service.demo.story import Story as Story
