"""The one HTTP client of all services carries nothing from one to another."""

import httpx

from integrations.plumbing.transport import PerHost
from tests.integrations.vendor import Vendor, says


async def test_a_cookie_is_not_sent_back(vendor: Vendor) -> None:
    """Two services on one host differ in their key alone; a session of the first would act for the second."""
    vendor.steps = [says(headers={"Set-Cookie": "session=of-somebody-else; Path=/"})]
    async with httpx.AsyncClient(transport=PerHost()) as http:
        await vendor.service(http).tell("/things")
        await vendor.service(http, key="another-k3y").tell("/things")
    assert [request.headers.get("Cookie") for request in vendor.requests] == [None, None]
