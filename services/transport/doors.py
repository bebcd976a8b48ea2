"""Transport's endpoints and pages in one, those with fixed names before those that take any."""

from fastapi import APIRouter

from services.transport import api as shipments
from services.transport import api_orders, api_tracks, pages

API = APIRouter()
for _each in (api_orders, api_tracks, shipments):
    API.include_router(_each.router)

PAGES = APIRouter()
for _each_page in (pages,):
    PAGES.include_router(_each_page.router)
