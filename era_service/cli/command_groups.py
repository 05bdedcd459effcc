"""The groups of the command line: where the commands of each one are, and their lines in its help.

Each command is in a module of its own, and loaded when it is called.
"""

from era_service.cli.shared.groups import LazyGroup

adoption = LazyGroup(
    "adoption",
    lazy={
        "ingest": (
            "era_service.cli.adoption.ingest:ingest",
            "Add the registrations of SOURCE to the store, continuing where the last run stopped",
        ),
        "summary": (
            "era_service.cli.adoption.summary:summary",
            "Show the stake by version, and the share that supports each era, of the last epochs",
        ),
        "chart": (
            "era_service.cli.adoption.summary:chart",
            "Draw the versions of the last epochs, or with one --era the share that supports it, into FILE.svg",
        ),
        "gate": ("era_service.cli.adoption.gate:gate", "Check whether ERA meets its adoption gate"),
        "forecast": (
            "era_service.cli.adoption.forecast:forecast",
            (
                "Estimate the chance that the network keeps its quorum when ERA begins at an epoch, from how its nodes "
                "upgrade"
            ),
        ),
        "watch": ("era_service.cli.adoption.watch:watch", "Show the adoption live, as registrations arrive"),
        "mithril": ("era_service.cli.adoption.summary:mithril", "Show the rows of Mithril's own summary view"),
        "export": ("era_service.cli.adoption.summary:export", "Write the counted registrations to standard output"),
        "withdraw": (
            "era_service.cli.adoption.ingest:withdraw",
            "Withdraw what SOURCE registered, for example with a stolen token",
        ),
        "rejects": (
            "era_service.cli.adoption.ingest:rejects",
            "List the rejected rows of all sources with their reasons, oldest first",
        ),
        "rebuild": (
            "era_service.cli.adoption.ingest:rebuild",
            "Recount the registrations, and correct the summary if it differs, which it never should",
        ),
        "network-stake": (
            "era_service.cli.adoption.ingest:network_stake",
            "Store the stake of the whole network, LOVELACE, in EPOCH; without LOVELACE show the stored figures",
        ),
    },
    help="See which share of the stake is ready for an era, before it is activated.",
)

era = LazyGroup(
    "era",
    lazy={
        "list": ("era_service.cli.era:list_", "List the eras that this software supports, oldest first"),
        "generate-keypair": (
            "era_service.cli.era.datums:generate_keypair",
            "Create the release team's key pair: era.sk (secret) and era.vk",
        ),
        "generate-tx-datum": (
            "era_service.cli.era.datums:generate_tx_datum",
            "Write the datum of the transaction that activates or announces an era",
        ),
    },
    help="Create keys and datums, as Mithril's aggregator does.",
)

events = LazyGroup(
    "events",
    lazy={
        "cat": ("era_service.cli.events.cat:cat", "Print the events of the store or of FILE, oldest first"),
        "replay": (
            "era_service.cli.events.replay:replay",
            "Recompute every decision from the recorded inputs; exit code 1 at the first difference",
        ),
        "diff": (
            "era_service.cli.events.replay:diff",
            "Show where the nodes of two logs, each a file or a store, disagree; exit code 1 if they do",
        ),
        "verify": (
            "era_service.cli.events.keep:verify",
            "Check every hash of the log; an error names the first event that was changed",
        ),
        "export": (
            "era_service.cli.events.keep:export",
            "Write the event log of the store to FILE, checking every hash; the store may be in use",
        ),
        "import": (
            "era_service.cli.events.keep:import_",
            "Add the events of FILE to the store, with their ids and hashes: all of them or none",
        ),
        "compact": (
            "era_service.cli.events.keep:compact",
            "Remove the older part of the log permanently; the rest can still be replayed",
        ),
    },
    help="Show, check and move the event log: every input, and every decision.",
)

marker = LazyGroup(
    "marker",
    lazy={
        "activate": (
            "era_service.cli.marker.change:activate",
            "Let ERA begin at an epoch: every node that knows it switches then, and every other one stops",
        ),
        "adopt-token": (
            "era_service.cli.marker.adopt_token:adopt_token",
            "Mint a thread token for the markers in force, and publish them again with it; no era changes",
        ),
        "announce": (
            "era_service.cli.marker.change:announce",
            "Announce ERA without an epoch: operators learn what is coming, but nothing switches yet",
        ),
        "cancel": (
            "era_service.cli.marker.change:cancel",
            "Drop ERA, which is announced or scheduled but has not begun",
        ),
        "configuration": (
            "era_service.cli.marker.configuration:configuration",
            "Show the protocol configurations on the chain, prepare changes, and publish them",
        ),
        "cosign": (
            "era_service.cli.marker.cosign:cosign",
            "Add your signature to the extended payload in FILE, a co-signing file",
        ),
        "history": (
            "era_service.cli.marker.history:history",
            "Show every payload that was ever at the era address: slot, transaction, author, verdict",
        ),
        "postpone": ("era_service.cli.marker.change:postpone", "Let ERA, which is scheduled, begin at a later epoch"),
        "renew": (
            "era_service.cli.marker.renew:renew",
            "Have the markers in force co-signed again: by other keys (a rotation), by more or fewer, or for longer",
        ),
        "retire": ("era_service.cli.marker.change:retire", "Drop the marker of ERA, a past era"),
        "show": (
            "era_service.cli.marker.show:show",
            "Show what nodes trust now, and what deployed Mithril readers could read if that differs",
        ),
        "sweep": (
            "era_service.cli.marker.sweep:sweep",
            "Return what others put at the era address to the payer, without touching the markers in force",
        ),
    },
    help="Publish era markers, and show the published ones.",
)

rollout = LazyGroup(
    "rollout",
    lazy={
        "announcement": (
            "era_service.cli.rollout.standing:announcement",
            "Print the announcement of a phase of the rollout in FILE to operators, with the figures filled in",
        ),
        "next": (
            "era_service.cli.rollout.standing:next_step",
            "Do the next step of the rollout in FILE, if its gate is met: what marker announce or marker activate does",
        ),
        "plan": (
            "era_service.cli.rollout.plan:plan",
            "Write the plan of a rollout of ERA: its two phases, gates and epochs, and whom to inform",
        ),
        "status": (
            "era_service.cli.rollout.standing:status",
            "Show the progress of the rollout in FILE: the chain, the adoption, the next step, and whom to inform",
        ),
        "verify": (
            "era_service.cli.rollout.verify:verify",
            "Show whether the network recovered after the switch of the rollout in FILE",
        ),
    },
    help="Plan a rollout in a file, follow its progress, and do it step by step.",
)
