"""The whole table of transactions that the local chain and Scalus judge."""

from tests.ledger import cases, script_cases

CASES = (*cases.CASES, *script_cases.CASES)
