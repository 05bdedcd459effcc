"""The rehearsal's own HTTP endpoints, beside the faces that real providers have: what only a local chain can do.

    GET  /local/state                                        tip, slot, epoch, clock and genesis
    POST /local/advance   {"slots": 10} or {"epoch": 7}      move ahead, with an empty block there
    POST /local/fund      {"address": "addr…", "lovelace": 5000000}    put an output there, out of nothing
    POST /local/rollback  {"blocks": 2}                      take back the newest blocks

In: JSON objects. Out: the block or the output that came of it, as JSON; errors in the form of ``http_answers``. Only
clients on this machine are served, and never a page in a browser (which sends an ``Origin``).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from chain_reader.local_chain.faces.http_answers import read_object
from chain_reader.local_chain.ledger.chain import LocalChain

Command = Callable[[dict[str, object]], dict[str, object]]


def control_routes(chain: LocalChain) -> Mount:
    """The routes under ``/local``."""
    commands: dict[str, Command] = {
        "/advance": lambda asked: _advance(chain, asked),
        "/fund": lambda asked: _fund(chain, asked),
        "/rollback": lambda asked: asdict(chain.rollback(_integer(asked, "blocks"))),
    }

    def post(command: Command) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            _check_client(request)
            return JSONResponse(await run_in_threadpool(command, await read_object(request)))

        return endpoint

    def state(request: Request) -> Response:
        _check_client(request)
        return JSONResponse(_state(chain))

    routes = [Route(path, post(command), methods=["POST"]) for path, command in commands.items()]
    routes.append(Route("/state", state, methods=["GET"]))
    return Mount("/local", Router(routes, redirect_slashes=False))


def _check_client(request: Request) -> None:
    host = request.client.host if request.client else ""
    if not (host and ipaddress.ip_address(host).is_loopback):
        raise HTTPException(403, "Only clients on the machine of the local chain may change it")
    if "origin" in request.headers:
        raise HTTPException(403, "Pages in a browser may not change the local chain")


def _state(chain: LocalChain) -> dict[str, object]:
    with chain.snapshot():
        slot = chain.current_slot()
        return {
            "tip": asdict(chain.tip()),
            "slot": slot,
            "epoch": chain.epoch_of(slot),
            "clock_mode": chain.genesis.clock_mode,
            "network_magic": chain.genesis.network_magic,
            "network_id": chain.genesis.network_id,
            "epoch_length": chain.genesis.epoch_length,
            "slot_length_s": chain.genesis.slot_length_s,
        }


def _advance(chain: LocalChain, asked: dict[str, object]) -> dict[str, object]:
    if "epoch" in asked:
        return asdict(chain.advance_to_epoch(_integer(asked, "epoch")))
    return asdict(chain.advance_slots(_integer(asked, "slots")))


def _fund(chain: LocalChain, asked: dict[str, object]) -> dict[str, object]:
    address = asked.get("address")
    if not isinstance(address, str):
        raise HTTPException(400, "'address' must be text")
    return asdict(chain.fund(address, _integer(asked, "lovelace", "address")))


def _integer(asked: dict[str, object], name: str, *others: str) -> int:
    number = asked.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise HTTPException(400, f"'{name}' must be a whole number")
    if set(asked) != {name, *others}:
        raise HTTPException(400, f"the body must have {' and '.join(sorted({name, *others}))}, and nothing else")
    return number
