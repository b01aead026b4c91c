"""What our n8n client relies on, asked of a real n8n."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.n8n.server import CLIENT_SCOPES, N8n
from tests.n8n.target import Target
from tests.n8n.workflows import FAILING_NODE, FIRST_NODE, Workflow

pytestmark = pytest.mark.n8n


async def get(api: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    answer = (await api.get(path, params=query)).raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


async def wait_for_status(api: httpx.AsyncClient, execution: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            found = await get(api, f"/executions/{execution}")
            if found["status"] == status:
                return found
            await asyncio.sleep(0.1)


def message(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


@pytest.mark.parametrize("path", ["/healthz", "/healthz/readiness"])
async def test_health_needs_no_key(real_n8n: N8n, path: str) -> None:
    async with httpx.AsyncClient(base_url=real_n8n.url) as stranger:
        answer = await stranger.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-N8N-API-KEY": ""}, {"X-N8N-API-KEY": "wrong"}, {"Authorization": "Bearer wrong"}],
)
async def test_no_key_and_a_wrong_one_get_the_same_answer(real_n8n: N8n, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=real_n8n.url, headers=headers) as stranger:
        answer = await stranger.get("/api/v1/executions")
    assert message(answer) == (401, "Unauthorized")


async def test_a_good_key_as_bearer_is_refused(real_n8n: N8n) -> None:
    """The published spec lists bearer authentication: it is for OAuth tokens, not for keys."""
    headers = {"Authorization": f"Bearer {real_n8n.api_key}"}
    async with httpx.AsyncClient(base_url=real_n8n.url, headers=headers) as bearer:
        answer = await bearer.get("/api/v1/executions")
    assert message(answer) == (401, "Unauthorized")


async def test_a_missing_scope_is_403_and_discover_tells_before(real_n8n: N8n) -> None:
    async with real_n8n.client(real_n8n.builder_key) as builder:
        assert message(await builder.get("/executions")) == (403, "Forbidden")
        found = (await get(builder, "/discover"))["data"]
    assert "executions" not in found["resources"]


async def test_discover_lists_what_the_key_may_do(api: httpx.AsyncClient) -> None:
    found = (await get(api, "/discover"))["data"]
    assert sorted(found["scopes"]) == sorted(CLIENT_SCOPES)
    assert {"list", "read", "retry", "stop"} <= set(found["resources"]["executions"]["operations"])


async def test_a_failed_execution_is_listed(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    failed = await failing_workflow.run()
    page = await get(api, "/executions", status="error")
    [listed] = page["data"]
    started, stopped = listed.pop("startedAt"), listed.pop("stoppedAt")
    assert datetime.fromisoformat(started) < datetime.fromisoformat(stopped)
    assert failed.isdecimal()
    assert listed == {
        "id": failed,
        "status": "error",
        "finished": False,
        "mode": "webhook",
        "workflowId": failing_workflow.id,
        "retryOf": None,
        "retrySuccessId": None,
        "waitTill": None,
    }
    assert page["nextCursor"] is None


async def test_lists_are_paged_newest_first(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    older = await failing_workflow.run()
    newer = await failing_workflow.run()
    first = await get(api, "/executions", status="error", limit="1")
    last = await get(api, "/executions", status="error", limit="1", cursor=first["nextCursor"])
    assert [page["data"][0]["id"] for page in (first, last)] == [newer, older]
    assert last["nextCursor"] is None


async def test_an_unknown_status_is_refused(api: httpx.AsyncClient) -> None:
    status, words = message(await api.get("/executions", params={"status": "failed"}))
    assert status == 400
    assert words.startswith("request/query/status Invalid enum value")


async def test_detail_names_the_failing_node_and_its_error(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    failed = await failing_workflow.run()
    assert "data" not in await get(api, f"/executions/{failed}")

    detail = await get(api, f"/executions/{failed}", includeData="true")
    assert detail["workflowData"]["name"] == failing_workflow.name
    result = detail["data"]["resultData"]
    error = result["error"]
    assert result["lastNodeExecuted"] == error["node"]["name"] == FAILING_NODE
    assert error["message"].startswith("Service unavailable - try again later")
    # What the service itself said is not in `message`, which is n8n's own advice.
    assert error["description"] == "card network is down"
    assert error["httpCode"] == "503"
    assert result["runData"][FAILING_NODE][-1]["error"]["message"] == error["message"]
    assert "error" not in result["runData"][FIRST_NODE][-1]


async def test_a_retry_that_fails_again_is_answered_200(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    failed = await failing_workflow.run()
    answer = await api.post(f"/executions/{failed}/retry")
    assert answer.status_code == 200
    retried = answer.json()
    assert (retried["status"], retried["mode"]) == ("error", "retry")
    assert retried["retryOf"] == failed != retried["id"]
    assert (await get(api, f"/executions/{failed}"))["retrySuccessId"] is None
    # Both are failures in the list: the run that failed, and its retry.
    assert {one["id"] for one in await failing_workflow.executions("error")} == {
        failed,
        retried["id"],
    }


async def test_a_retry_begins_at_the_failed_node(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    failed = await failing_workflow.run()
    assert (target.lookups, target.hits) == (1, 1)
    await api.post(f"/executions/{failed}/retry")
    assert (target.lookups, target.hits) == (1, 2)


async def test_a_fixed_execution_stays_an_error_with_the_id_of_its_retry(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    failed = await failing_workflow.run()
    target.mode = "ok"
    retried = (await api.post(f"/executions/{failed}/retry")).json()
    assert retried["status"] == "success"
    [listed] = await failing_workflow.executions("error")
    assert (listed["id"], listed["retrySuccessId"]) == (failed, retried["id"])
    again = await api.post(f"/executions/{retried['id']}/retry")
    assert message(again) == (409, "The execution succeeded, so it cannot be retried.")


async def test_n8n_itself_never_refuses_a_second_retry(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """FAILURES, done twice (sentry#69252, bolt-js#822): the guard has to be ours."""
    failed = await failing_workflow.run()
    target.mode = "ok"
    first = (await api.post(f"/executions/{failed}/retry")).json()
    second = (await api.post(f"/executions/{failed}/retry")).json()
    assert first["status"] == second["status"] == "success"
    assert target.hits == 3
    assert (await get(api, f"/executions/{failed}"))["retrySuccessId"] == second["id"]


async def test_two_retries_at_once_are_two_runs(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """FAILURES, done twice (sso-elevator#47): two approvers at once, were we to let them."""
    failed = await failing_workflow.run()
    target.mode = "ok"
    path = f"/executions/{failed}/retry"
    answers = await asyncio.gather(api.post(path), api.post(path))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert target.hits == 3


async def test_a_client_timeout_leaves_the_retry_running_and_retry_of_finds_it(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """FAILURES, done twice (integrations/slack#352): a time-out says nothing about the run."""
    failed = await failing_workflow.run()
    target.mode = "slow"
    with pytest.raises(httpx.ReadTimeout):
        await api.post(f"/executions/{failed}/retry", timeout=1)
    await target.wait_for_hits(2)

    [running] = await failing_workflow.executions("running")
    assert running["retryOf"] == failed
    assert [one["id"] for one in await failing_workflow.executions()] == [failed]

    target.release()
    ended = await wait_for_status(api, running["id"], "success")
    assert ended["retryOf"] == failed
    assert (await get(api, f"/executions/{failed}"))["retrySuccessId"] == running["id"]


async def test_a_running_execution_can_be_retried_too(
    api: httpx.AsyncClient, slow_workflow: Workflow, target: Target
) -> None:
    """It then runs twice at the same time, from its first node."""
    running = await slow_workflow.run(until="running")
    await target.wait_for_hits(1)
    retry = asyncio.create_task(api.post(f"/executions/{running}/retry"))
    await target.wait_for_hits(2)
    assert target.lookups == 2
    target.release()
    assert (await retry).json()["retryOf"] == running


async def test_retry_of_an_unknown_execution(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    unknown = await api.post("/executions/999999/retry")
    assert message(unknown) == (404, 'The execution with the ID "999999" does not exist.')
    assert (await api.post("/executions/abc/retry")).status_code == 400


async def test_retry_runs_the_saved_snapshot_or_the_latest_draft(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    failed = await failing_workflow.run()
    await failing_workflow.save_draft(f"{target.url}/order", f"{target.url}/slow")
    target.release()
    path = f"/executions/{failed}/retry"
    snapshot = (await api.post(path, json={"loadWorkflow": False})).json()
    draft = (await api.post(path, json={"loadWorkflow": True})).json()
    assert (snapshot["status"], draft["status"]) == ("error", "success")


async def test_stop(api: httpx.AsyncClient, slow_workflow: Workflow, target: Target) -> None:
    running = await slow_workflow.run(until="running")
    await target.wait_for_hits(1)
    stopped = await api.post(f"/executions/{running}/stop")
    assert stopped.status_code == 200
    assert stopped.json()["status"] == "canceled"
    assert (await wait_for_status(api, running, "canceled"))["stoppedAt"] is not None
    assert message(await api.post(f"/executions/{running}/stop")) == (
        409,
        f"Only running or waiting executions can be stopped and {running} is currently canceled",
    )


async def test_a_retry_stopped_by_somebody_else_is_answered_500_though_it_ran(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """So a 5xx of a retry is as uncertain as a time-out, and must not be tried again unseen."""
    failed = await failing_workflow.run()
    target.mode = "slow"
    retry = asyncio.create_task(api.post(f"/executions/{failed}/retry"))
    await target.wait_for_hits(2)
    [running] = await failing_workflow.executions("running")
    await api.post(f"/executions/{running['id']}/stop")
    assert message(await retry) == (500, "Internal server error")
    ended = await wait_for_status(api, running["id"], "canceled")
    assert ended["retryOf"] == failed


async def test_stop_of_an_unknown_execution(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    unknown = await api.post("/executions/999999/stop")
    assert message(unknown) == (404, "Failed to find execution to stop")


async def test_deactivate_and_activate_undo_each_other(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    path = f"/workflows/{failing_workflow.id}"
    before = await get(api, path)
    assert before["active"] is True

    for _ in range(2):
        off = await api.post(f"{path}/deactivate")
        assert off.status_code == 200
        assert (off.json()["active"], off.json()["activeVersionId"]) == (False, None)
    await failing_workflow.wait_until_webhook(registered=False)

    again = {"versionId": before["activeVersionId"]}
    for _ in range(2):
        on = await api.post(f"{path}/activate", json=again)
        assert on.status_code == 200
        assert (on.json()["active"], on.json()["activeVersionId"]) == (True, again["versionId"])
    await failing_workflow.wait_until_webhook(registered=True)


async def test_activate_publishes_the_latest_draft_unless_told_which(
    api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    path = f"/workflows/{failing_workflow.id}"
    live = (await get(api, path))["activeVersionId"]
    await failing_workflow.save_draft(f"{target.url}/order", f"{target.url}/slow")
    assert (await get(api, path))["activeVersionId"] == live

    await api.post(f"{path}/deactivate")
    on = (await api.post(f"{path}/activate")).json()
    assert on["activeVersionId"] == on["versionId"] != live

    await api.post(f"{path}/deactivate")
    back = (await api.post(f"{path}/activate", json={"versionId": live})).json()
    assert back["activeVersionId"] == live


async def test_activate_refusals(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    unknown = await api.post("/workflows/nosuchworkflow/activate")
    assert unknown.status_code == 404
    wrong = {"versionId": "nosuchversion"}
    version = await api.post(f"/workflows/{failing_workflow.id}/activate", json=wrong)
    assert message(version) == (404, "Version not found")


async def test_active_workflows_are_listed(api: httpx.AsyncClient, failing_workflow: Workflow) -> None:
    page = await get(api, "/workflows", active="true", excludePinnedData="true")
    [listed] = [one for one in page["data"] if one["id"] == failing_workflow.id]
    assert listed["name"] == failing_workflow.name
    assert (listed["active"], listed["isArchived"]) == (True, False)
    assert listed["activeVersionId"] == listed["versionId"]
    assert datetime.fromisoformat(listed["updatedAt"])
