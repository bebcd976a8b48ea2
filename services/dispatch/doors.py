"""All of dispatch's endpoints and pages, each as one router."""

from fastapi import APIRouter

from services.dispatch import (
    api,
    api_decisions,
    api_what_if,
    diversions_api,
    hand_api,
    pages,
    pages_desk,
    pages_diversion,
    pages_region,
    pages_shortage,
    pages_what_if,
    policy_api,
    shortage_api,
)

API = APIRouter()
PAGES = APIRouter()

for each in (api, api_decisions, api_what_if, diversions_api, hand_api, policy_api, shortage_api):
    API.include_router(each.router)
for each in (pages, pages_desk, pages_diversion, pages_region, pages_shortage, pages_what_if):
    PAGES.include_router(each.router)
