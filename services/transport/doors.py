"""Transport's endpoints and pages in one, those with fixed names before those that take any."""

from fastapi import APIRouter

from services.transport import api as shipments
from services.transport import (
    api_orders,
    api_tracks,
    pages,
    pages_driver,
    pages_lanes,
    pages_orders,
    pages_papers,
)

API = APIRouter()
for _each in (api_orders, api_tracks, shipments):
    API.include_router(_each.router)

PAGES = APIRouter()
for _each_page in (pages_papers, pages_orders, pages_lanes, pages_driver, pages):
    PAGES.include_router(_each_page.router)
