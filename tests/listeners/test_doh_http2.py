"""DNS over HTTPS in HTTP/2: by its frames, and what ends connections."""

from __future__ import annotations

import asyncio

from h2.settings import SettingCodes

from resolver.chain.capabilities import ListenSettings
from tests.listeners.doh_clients import (
    TYPE,
    framed,
    serving,
)
from tests.listeners.streams import Service, message
from tests.plugins.chains import until


async def test_answers_overtake_each_other_on_their_streams() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, framed(server) as client:
        slow, quick = client.post(message(1)), client.post(message(2))
        await client.finish(quick)
        assert client.bodies == {quick: message(2)}
        service.answer(1)
        await client.finish(slow)
        assert client.bodies[slow] == message(1)
        assert client.headers[slow]["content-type"] == TYPE
        assert server.responses(200) == 2


async def test_wrong_requests_are_answered_beside_right_ones() -> None:
    async with serving(Service()) as server, framed(server) as client:
        expected = {
            client.head(end=True, method="GET", path="/"): "404",
            client.head(end=True, method="HEAD"): "405",
            client.head(end=True): "400",
            client.post(b"short"): "400",
            client.post(message(1)): "200",
        }
        await client.finish(*expected)
        assert client.status == expected


async def test_a_body_that_is_too_long_is_refused_before_its_end() -> None:
    async with serving(Service()) as server, framed(server) as client:
        number = client.head()
        for _ in range(5):
            while client.http.local_flow_control_window(number) < 14_000 and number not in client.status:
                await client.read()
            if number not in client.status:
                client.http.send_data(number, bytes(14_000))
        await client.finish(number)
        assert client.status[number] == "413"
        right = client.post(message(1))
        await client.finish(right)
        assert client.status[right] == "200"


async def test_unfinished_bodies_of_one_connection_have_a_limit_in_all() -> None:
    async with serving(Service()) as server, framed(server) as client:
        streams = [client.head() for _ in range(10)]
        for number in streams:
            while client.http.local_flow_control_window(number) < 16_000:
                await client.read()
            client.http.send_data(number, bytes(16_000))
        while "413" not in client.status.values():
            assert await client.read()
        assert sum(status == "413" for status in client.status.values()) <= 2


async def test_a_large_answer_waits_for_the_clients_window() -> None:
    service = Service()
    async with serving(service) as server, framed(server, window=1000) as client:
        number = client.head()
        client.http.send_data(number, message(5, 9000), end_stream=True)
        await client.finish(number)
        assert client.bodies[number] == message(5, 9000)


async def test_a_client_that_gives_no_window_loses_its_connection() -> None:
    settings = ListenSettings(read_timeout=30, idle_timeout=30, write_timeout=0.2)
    async with serving(Service(), settings) as server, framed(server, window=1000) as client:
        number = client.head()
        client.http.send_data(number, message(5, 9000), end_stream=True)
        while await client.read(acknowledge=False):
            pass
        assert server.closed("write_timeout") == 1
        assert client.bodies[number] == message(5, 9000)[:1000]


async def test_a_client_that_takes_back_requests_all_the_time_loses_its_connection() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        for number in range(400):
            client.http.reset_stream(client.post(message(number)))
        await client.to_the_end()
        assert client.gone == 11  # ENHANCE_YOUR_CALM
        assert len(service.asked) <= 100


async def test_a_client_of_http_2_that_only_asks_wrong_loses_its_connection() -> None:
    async with serving(Service()) as server, framed(server) as client:
        await client.read()
        for _ in range(20):
            asked = [client.head(end=True, method="GET", path="/") for _ in range(50)]
            while client.gone is None and not set(asked) <= set(client.done):
                assert await client.read()
            if client.gone is not None:
                break
        assert client.gone == 11  # ENHANCE_YOUR_CALM
        assert server.responses(404) == 200


async def test_queries_that_were_taken_back_count_until_they_are_answered() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        for number in range(150):
            taken = client.post(message(number))
            await client.writer.drain()
            client.flush()
            await until(lambda number=number: number in service.sends or number >= 100)  # type: ignore[misc]
            client.http.reset_stream(taken)
            client.flush()
        assert len(service.sends) == 100
        for number in range(100):
            service.answer(number)
        last = client.post(message(2000))
        await client.finish(last)
        assert client.bodies == {last: message(2000)}


async def test_streams_beyond_the_limit_end_the_connection() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        client.http.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
        client.http.remote_settings.acknowledge()
        for number in range(101):
            client.post(message(number))
        for _ in range(100):
            if not await client.read() or client.gone is not None:
                break
        assert client.gone is not None
        assert server.closed("malformed") == 1


async def test_a_slow_body_loses_the_connection() -> None:
    async with (
        serving(Service(), ListenSettings(read_timeout=0.2, idle_timeout=30)) as server,
        framed(server) as client,
    ):
        first = client.post(message(1))
        await client.finish(first)
        client.http.send_data(client.head(), b"a")
        await client.to_the_end()
        assert server.closed("read_timeout") == 1


async def test_nonsense_ends_the_connection() -> None:
    async with serving(Service()) as server, framed(server) as client:
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
        async with asyncio.timeout(10):
            await client.reader.read()
        assert server.closed("malformed") == 1
        await until(lambda: not server.listener.connections)


async def test_at_the_end_requests_under_way_are_answered_and_new_ones_turned_away() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, framed(server) as client:
        slow = client.post(message(1))
        client.flush()
        await until(lambda: 1 in service.sends)
        ending = asyncio.ensure_future(server.listener.stop())
        await until(lambda: all(connection.ending for connection in server.listener.connections))
        late = client.post(message(2))
        await client.finish(late)
        assert client.reset == {late: 7}  # REFUSED_STREAM: it may be asked again elsewhere
        service.answer(1)
        await client.to_the_end()
        assert client.bodies == {slow: message(1)}
        assert client.gone == 0
        await ending
