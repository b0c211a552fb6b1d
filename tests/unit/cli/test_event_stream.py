from collections.abc import AsyncIterator

from orchestrator.cli.event_stream import parse


async def lines(text: str) -> AsyncIterator[str]:
    for line in text.splitlines():
        yield line


async def parsed(text: str) -> list[tuple[int, str]]:
    return [sent async for sent in parse(lines(text))]


async def test_an_event_is_its_id_and_its_data() -> None:
    assert await parsed("id: 7\nevent: job.started\ndata: {}\n\n") == [(7, "{}")]


async def test_data_over_several_lines_is_one_text() -> None:
    assert await parsed("id: 7\ndata: a\ndata: b\n\n") == [(7, "a\nb")]


async def test_comments_that_keep_the_connection_alive_are_no_events() -> None:
    assert await parsed(": still here\n\nid: 8\ndata: a\n\n: still here\n\n") == [
        (8, "a")
    ]


async def test_an_event_that_broke_off_is_not_believed() -> None:
    assert await parsed("id: 8\ndata: a\n\nid: 9\ndata: b\n") == [(8, "a")]
