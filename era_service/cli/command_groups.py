"""The groups of the command line: where the commands of each one are, and their lines in its help.

Each command is in a module of its own, and loaded when it is called.
"""

from era_service.cli.shared.groups import LazyGroup

adoption = LazyGroup(
    "adoption",
    lazy={
        "ingest": (".ingest", "Add the registrations of SOURCE to the store, continuing where the last run stopped"),
        "summary": (".summary", "Show the stake by version, and the share that supports each era, of the last epochs"),
        "chart": (
            ".summary",
            "Draw the versions of the last epochs, or with one --era the share that supports it, into FILE.svg",
        ),
        "gate": (".gate", "Check whether ERA meets its adoption gate"),
        "forecast": (
            ".forecast",
            (
                "Estimate the chance that the network keeps its quorum when ERA begins at an epoch, from how its nodes "
                "upgrade"
            ),
        ),
        "watch": (".watch", "Show the adoption live, as registrations arrive"),
        "mithril": (".summary", "Show the rows of Mithril's own summary view"),
        "export": (".summary", "Write the counted registrations to standard output"),
        "withdraw": (".ingest", "Withdraw what SOURCE registered, for example with a stolen token"),
        "rejects": (".ingest", "List the rejected rows of all sources with their reasons, oldest first"),
        "rebuild": (
            ".ingest",
            "Recount the registrations, and correct the summary if it differs, which it never should",
        ),
        "network-stake": (
            ".ingest",
            "Store the stake of the whole network, LOVELACE, in EPOCH; without LOVELACE show the stored figures",
        ),
    },
    help="See which share of the stake is ready for an era, before it is activated.",
)

era = LazyGroup(
    "era",
    lazy={
        "list": (".:list_", "List the eras that this software supports, oldest first"),
        "generate-keypair": (".datums", "Create the release team's key pair: era.sk (secret) and era.vk"),
        "generate-tx-datum": (".datums", "Write the datum of the transaction that activates or announces an era"),
    },
    help="Create keys and datums, as Mithril's aggregator does.",
)

events = LazyGroup(
    "events",
    lazy={
        "cat": (".cat", "Print the events of the store or of FILE, oldest first"),
        "replay": (".replay", "Recompute every decision from the recorded inputs; exit code 1 at the first difference"),
        "diff": (
            ".replay",
            "Show where the nodes of two logs, each a file or a store, disagree; exit code 1 if they do",
        ),
        "verify": (".keep", "Check every hash of the log; an error names the first event that was changed"),
        "export": (".keep", "Write the event log of the store to FILE, checking every hash; the store may be in use"),
        "import": (
            ".keep:import_",
            "Add the events of FILE to the store, with their ids and hashes: all of them or none",
        ),
        "compact": (".keep", "Remove the older part of the log permanently; the rest can still be replayed"),
    },
    help="Show, check and move the event log: every input, and every decision.",
)

marker = LazyGroup(
    "marker",
    lazy={
        "activate": (
            ".change",
            "Let ERA begin at an epoch: every node that knows it switches then, and every other one stops",
        ),
        "adopt-token": (
            ".adopt_token",
            "Mint a thread token for the markers in force, and publish them again with it; no era changes",
        ),
        "announce": (
            ".change",
            "Announce ERA without an epoch: operators learn what is coming, but nothing switches yet",
        ),
        "cancel": (".change", "Drop ERA, which is announced or scheduled but has not begun"),
        "configuration": (
            ".configuration",
            "Show the protocol configurations on the chain, prepare changes, and publish them",
        ),
        "cosign": (".cosign", "Add your signature to the extended payload in FILE, a co-signing file"),
        "history": (
            ".history",
            "Show every payload that was ever at the era address: slot, transaction, author, verdict",
        ),
        "postpone": (".change", "Let ERA, which is scheduled, begin at a later epoch"),
        "renew": (
            ".renew",
            "Have the markers in force co-signed again: by other keys (a rotation), by more or fewer, or for longer",
        ),
        "retire": (".change", "Drop the marker of ERA, a past era"),
        "show": (".show", "Show what nodes trust now, and what deployed Mithril readers could read if that differs"),
        "sweep": (
            ".sweep",
            "Return what others put at the era address to the payer, without touching the markers in force",
        ),
    },
    help="Publish era markers, and show the published ones.",
)

rollout = LazyGroup(
    "rollout",
    lazy={
        "announcement": (
            ".standing",
            "Print the announcement of a phase of the rollout in FILE to operators, with the figures filled in",
        ),
        "next": (
            ".standing:next_step",
            "Do the next step of the rollout in FILE, if its gate is met: what marker announce or marker activate does",
        ),
        "plan": (".plan", "Write the plan of a rollout of ERA: its two phases, gates and epochs, and whom to inform"),
        "status": (
            ".standing",
            "Show the progress of the rollout in FILE: the chain, the adoption, the next step, and whom to inform",
        ),
        "verify": (".verify", "Show whether the network recovered after the switch of the rollout in FILE"),
    },
    help="Plan a rollout in a file, follow its progress, and do it step by step.",
)
