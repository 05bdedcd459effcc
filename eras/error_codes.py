"""The registry of error codes that have no class of their own, because no caller distinguishes them from their family.

An error is raised as its family with a code, ``ConfigurationError(…, code="LeaderNeeded")``; the registry has what the
code means, what to do about it in general, and its HTTP status and exit code. A code of its own class
(``eras.errors``) is never in it. ``docs/errors.md`` is generated from both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """The meaning of a code.

    Attributes:
        code: the stable name.
        http_status: the status of the service's answer.
        exit_code: the exit code of a command.
        meaning: what happened, as a sentence.
        advice: what to do about it, as a sentence.
    """

    code: str
    http_status: int
    exit_code: int
    meaning: str
    advice: str


_ROWS = (
    # the network, the provider and the configuration
    ("ProviderNeeded", 500, 2, "No source of the chain is configured.", "Give `--provider`, or set `reader.providers`."),
    ("ReleaseProviderNeeded", 500, 2, "No provider takes transactions.", "Give `--provider`, or set `reader.providers`."),
    ("WebhookSecret", 500, 2, "The secret of a webhook is missing or unusable.", "Make one with `eraswitch webhooks secret FILE`, and name it as `secret_file`."),
    ("WebhookUnknown", 404, 2, "No webhook of that name is configured.", "Configure it under `[[service.webhooks]]`."),
    ("EpochNeeded", 500, 2, "No configured source knows the current epoch.", "Give `--epoch`, or configure a provider."),
    ("NetworkContradiction", 500, 2, "The command line names two networks.", "Name one network."),
    ("UntimelyProvider", 409, 5, "The newest block of the provider is too old, or in the future.", "Wait until it has caught up, use another provider, or set the clock: `eraswitch doctor`."),
    ("UnusableProvider", 503, 5, "A provider answers, but not what reading and publishing markers requires.", "Use another provider."),
    ("AddressNotIndexed", 503, 5, "A Kupo server follows no pattern that an address matches, so that it knows nothing of it.", "Start Kupo with `--match ADDRESS`, or use another provider."),
    ("HistoryUnknown", 501, 5, "The provider does not know the history of an address.", "Use a provider that does, such as Blockfrost."),
    ("WatchSource", 500, 2, "The watcher is configured to read from a source that is not a chain.", "Set `reader.adapter_type` to `cardano-chain`."),
    ("RegisterKey", 500, 2, "The key to register with is missing, or is not the party's.", "Give `--register-key FILE`, the key whose hash is the party id."),
    ("CheckpointFile", 500, 2, "The checkpoint file cannot be read.", "Correct `trust.checkpoint_file`."),
    ("SecretFile", 500, 2, "A file that should hold a secret cannot be read, or is empty.", "Correct its path and its permissions (0600)."),
    ("HomeNeeded", 500, 2, "The home folder of the user is not known.", "Set `HOME`."),
    ("MissingPackage", 500, 2, "A package that the command requires is not installed.", "Install it with the command in the message."),
    ("EraScriptFile", 500, 2, "The script file of the era address cannot be read.", "Correct `network.era_script_file`."),
    ("ThreadTokenName", 500, 2, "A text does not name a thread token.", "Correct `trust.thread_token`: `eraswitch marker show` prints it."),
    ("TokenLine", 409, 1, "The thread token cannot be written into the configuration file.", "Put the line into `[trust]` yourself: `eraswitch marker show` prints the token."),
    # files and arguments of commands
    ("CertificatesUnreadable", 500, 2, "A file of certificates per epoch is not in the expected CSV format.", "Correct the line in the message."),
    ("EpochArgument", 500, 2, "An epoch on the command line is not a whole number in range.", "Correct the epoch."),
    ("MarkerPlan", 500, 2, "The epochs and the supported eras do not make a schedule.", "Correct the epochs."),
    ("KeySource", 500, 2, "A key cannot be read from its source.", "Check that it was copied in full."),
    ("GenesisMismatch", 500, 2, "A local chain already exists, and its genesis differs from the requested one.", "Leave the option out, or choose another `--path`."),
    ("Rehearsal", 500, 2, "A rehearsal has no folder for temporary files.", "Set `TMPDIR`, or configure a network."),
    ("StepFailed", 500, 1, "A step of the demo did not have the expected result.", "Report it with the output above."),
    # the store, the event log and tokens
    ("StoreForeign", 500, 1, "The file or database is not a store of this project: not a database, or another program's.", "Name the store of eraswitch: `--store`, `store.url`."),
    ("StoreNewer", 500, 1, "The store was written by a newer version of this software.", "Use the newer version, or another store."),
    ("StoreReadOnly", 500, 1, "The store, or its folder, may not be written to.", "Correct who may write to it."),
    ("StoreRefused", 503, 1, "The database server does not let this user in; it will not without a change of its settings or of the URL.", "Correct the URL, or the settings of the server."),
    ("StoreNeeded", 500, 2, "No store is named.", "Give `--store`, or set `store.url`."),
    ("AdoptionStoreNeeded", 500, 2, "No store with registrations is named.", "Give `--store`, or set `store.url`."),
    ("EventLogNotNamed", 500, 2, "No event log is named.", "Give a file or `--store`, or set `store.url`."),
    ("EventFileInvalid", 500, 1, "A file of events cannot be read: it is of another kind, cut short, or edited.", "Take the file from its source again."),
    ("EventFileUnwritable", 500, 1, "A file of events cannot be written.", "Choose another path."),
    ("LogNotReplayed", 500, 1, "Compaction would lose the proof that the decisions of a log follow from its inputs.", "See which: `eraswitch events replay`."),
    ("StateFolder", 500, 1, "The folder for the service's state cannot be created.", "Correct its permissions, or set `store.url`."),
    ("TokenName", 500, 2, "The name of a token does not identify it.", "Choose another name."),
    ("TokenNotFound", 404, 2, "No API token has that id.", "List them: `eraswitch token list`."),
    ("UnknownScope", 500, 2, "A requested scope of a token does not exist.", "Choose one of the scopes in the message."),
    # publishing
    ("NothingToAdopt", 409, 1, "No markers are in force that could carry a thread token.", "Mint it with the first marker: `--mint-token`."),
    ("SweepRefused", 409, 1, "It is not certain which output is in force, so nothing is swept.", "See what is in force: `eraswitch marker show`."),
    ("MarkerInForce", 409, 1, "An output that is in force, or may come into force, was named to be swept.", "Leave it out of `--spend`."),
    ("UnconfirmedMarkers", 409, 1, "Somebody published markers that are not deep enough yet for nodes to trust them.", "Wait until they are, then run the command again."),
    ("TransactionDoubtful", 409, 1, "A transaction does something that nobody confirmed.", "Look at it, then sign it without `--yes`."),
    ("TooLateToPublish", 409, 1, "The epoch in which a change had to be published is over.", "Run the command again; it makes a new plan."),
    ("Snapshot", 422, 2, "A file is not the output of `marker show --json`, or is of another network.", "Create it again: `eraswitch marker show --json`."),
    ("SignedPayload", 422, 1, "A payload that was signed elsewhere is not the one that the change needs.", "Sign the payload that the plan shows."),
    ("PayloadNotSuccessor", 409, 1, "Readers that trust the markers in force would not accept those of a payload.", "See what is in force: `eraswitch marker show`."),
    ("NotCosigned", 500, 2, "The payload that nodes trust is not co-signed, so it cannot be renewed.", "Publish a co-signed one first."),
    ("AlreadyCosigned", 409, 1, "A key has signed a payload already.", "Pass the file to the next signer."),
    ("CosignerUnknown", 422, 1, "A key is not among those that may sign a payload.", "Give the key of a configured signer."),
    ("CosigningAltered", 422, 1, "The content of a co-signing file differs from what was signed.", "Take the file from its author again."),
    ("CosigningMismatch", 422, 1, "A co-signing file is for another network, address or era key than the configured ones.", "Name the network that it is for."),
    # rollouts and adoption
    ("WrongPlan", 500, 2, "A rollout plan is for another network.", "Name the network of the plan."),
    ("AnnouncementTemplate", 500, 2, "A template of an announcement has a mistake.", "Correct the template."),
    ("QuorumNeeded", 500, 2, "The quorum of the network is not configured.", "Set `quorum.model` and its parameters."),
    ("SourceNotFound", 500, 2, "No registrations came from a source of that name.", "Correct the name of the source."),
    ("AdoptionNotConfigured", 404, 1, "A gate, a quorum or the versions that know an era are not configured.", "Configure `[adoption]` and `[quorum]`."),
    ("NotScheduled", 404, 1, "An era has no epoch yet, and none was named.", "Name an epoch, or wait for the activation."),
    ("NoUpcomingEra", 404, 1, "No era is upcoming, and none was named.", "Name an era."),
    ("RegistrationRefused", 500, 1, "A service did not accept a registration.", "Correct it as the message states."),
    ("NoSignedPayload", 404, 1, "The markers in force come from a source without a signed payload.", "Read from a chain."),
    # the service, its leader and its followers
    ("Listen", 500, 2, "The service cannot listen on its address.", "Choose another `--port` or `--host`."),
    ("WatchAddress", 500, 2, "The watcher cannot answer at the address of `watch --http`.", "Choose another address, of this machine only."),
    ("Tls", 500, 2, "The certificate or its key cannot be used.", "Correct `service.tls_cert` and `service.tls_key`."),
    ("Tracing", 500, 2, "Tracing is enabled, but traces cannot be sent.", "Install the exporter, or set `service.tracing = false`."),
    ("LeaderNeeded", 500, 2, "No leader to follow is named.", "Give `--from`, or set `follower.leader`."),
    ("LeaderCannotFollow", 500, 2, "This service reads the chain itself, so it follows no leader.", "Unset `follower.leader`, or `reader.providers`."),
    ("LeaderUrl", 500, 2, "The URL of the leader cannot be used.", "Give http(s)://… of its service."),
    ("LeaderStale", 503, 5, "The leader cannot confirm its own answer.", "Wait, or follow another leader."),
    ("LocalChainServer", 503, 1, "The server of a local chain could not start.", "Choose another `--port` or `--host`."),
    ("UnprovenTransaction", 422, 1, "A transaction spends nothing at the era address, so readers would not trust it.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("ReadBack", 502, 1, "A change is on the chain, but a node would not trust it.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("PublicationExpired", 504, 1, "No block included a submitted transaction before it became void.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("PublicationUnfinished", 504, 1, "A publication timed out; the same command resumes it.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("JournalHeld", 409, 1, "Another process is publishing at the same era address.", "Wait until the other process has ended."),
    ("StoreExists", 500, 1, "A file exists already where one should be created.", "Choose another path, or confirm with `--yes` that it is to be replaced."),
    ("StoreInUse", 409, 1, "A service uses the store that is to be replaced.", "Stop it, restore, and start it again."),
    ("StoreOfOtherNetwork", 409, 1, "A backup holds records of another network.", "Name a backup of this network."),
    ("WrongNetwork", 500, 2, "A provider, or an address, belongs to another network than the named one.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("ForecastRange", 422, 2, "The epoch of a switch cannot be forecast: it is past, or too far ahead.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("KeyFile", 500, 1, "A key file exists already, or cannot be written.", "Choose another path: an existing key is never overwritten."),
    ("UnknownObserver", 500, 2, "The kind of chain observer is not known.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("AdapterParams", 500, 2, "The parameters of an adapter are missing, not JSON, or not those of its type.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("UnknownAdapter", 500, 2, "The adapter type is not known.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("ExtensionPolicy", 500, 2, "The keys and the threshold for extended payloads do not fit together.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("Switch", 500, 2, "The switches of a node are not complete or not consistent, or one was used that does not exist.", "Correct the switches in the code of the node, as the message states."),
    ("Agreement", 503, 5, "Fewer observers agree than required; `facts[\"answers\"]` holds each answer.", "Wait, or use another provider: `eraswitch doctor`."),
    ("MarkersFileUnreadable", 503, 5, "The markers file could not be read: it is missing, not a file, not readable, or too large.", "Correct the path of the markers file, or who may read it."),
    ("MarkersFileInvalid", 422, 1, "The markers file was read, but does not hold a list of markers.", "Correct the markers file."),
    # files, keys, plans and transactions
    ("LocalChainRequest", 422, 2, "The request to the local chain is not possible.", "Correct the request as the message states."),
    ("CheckpointInvalid", 500, 2, "A checkpoint cannot be used.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("InputFile", 500, 2, "A file that a command needs cannot be read.", "Correct the path, or who may read it."),
    ("Output", 500, 1, "The output of a command could not be written.", "Read the message: it ends with what to do next."),
    ("Passphrase", 500, 2, "A passphrase is needed and none was given, or it cannot be read from where it should be.", "Run the command in a terminal, or give `--passphrase-file FILE` (mode 0600) or `--passphrase-fd N`."),
    ("NetworkNeeded", 500, 2, "A command needs to know the network, and none is named.", "Give `--network`, or set it in the configuration: `eraswitch config check`."),
    ("SetUp", 500, 2, "A folder cannot be set up as requested.", "Correct the option in the message."),
    ("EraKey", 500, 2, "The era key is missing, or is not the one that the nodes of the network trust.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("StoreOutdated", 500, 1, "The store was written by an older version of this software, and has not been upgraded.", "Make a backup, then run `eraswitch db upgrade`."),
    ("Compatibility", 500, 2, "The table of eras and versions cannot be read, or has a mistake.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("NetworkStake", 422, 1, "A figure of the network's stake cannot be, or a file of them cannot be read.", "Correct the figure or the file in the message."),
    ("Tickers", 500, 1, "A file of tickers cannot be used.", "Correct the file in the message."),
    ("QuorumParameters", 500, 2, "The parameters of a quorum, a share or a probability are not usable.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("SignaturesFile", 500, 2, "A file of signatures is not usable.", "Correct the file in the message."),
    ("EncryptedKey", 500, 2, "An encrypted key file is damaged, or of a version that this software does not know.", "Restore it from a backup, or read it with the release that wrote it: `eraswitch keys show FILE`."),
    ("PaymentKey", 500, 2, "A payment key cannot be used, or a text holds no payment key.", "Correct the setting, option or file in the message: `eraswitch config check`."),
    ("Signer", 422, 1, "An external signer refused, failed, took too long, or answered something that is not a signature.", "Look at the program that the signer file names, then run the command again: nothing was signed."),
    ("SignerFile", 500, 2, "A signer file has a mistake, or others could change it.", "Correct the signer file, as `docs/keys.md` describes it; only its owner may write to it."),
    ("RolloutRefused", 409, 1, "A change of the markers breaks a rule; `facts[\"rules\"]` names every one that it breaks.", "See what is in force, and change the plan: `eraswitch marker show`."),
    ("CosigningFile", 422, 1, "A text is not a co-signing file, or what it holds does not fit together.", "Make it again: `eraswitch marker cosign`."),
    ("Journal", 500, 1, "The journal of publications cannot be read or written.", "Correct who may use its folder, then run the command again."),
    ("OtherPublication", 409, 1, "Another change is being published at the same era address, and is not finished.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("Overtaken", 409, 1, "Somebody else published in the meantime, so a transaction can no longer be included.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("Scenario", 500, 2, "A scenario cannot be used.", "Correct the file in the message, as `docs/rehearsal.md` describes it."),
    ("RecoveryDocument", 500, 2, "The document that a plan names as another network's verified recovery is not one.", "Make it again: `eraswitch rollout verify PLAN --json`."),
    ("RolloutPlan", 500, 2, "A rollout plan cannot be read, or has mistakes; `facts[\"mistakes\"]` has all of them.", "Correct the file in the message."),
    ("InsufficientFunds", 422, 1, "The outputs that may be spent hold too little ada for the transaction.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("TransactionTooLarge", 422, 1, "The transaction is larger than the protocol takes.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("ThreadToken", 409, 1, "A publication would lose the thread token, or mint a second one.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("FeeTooHigh", 422, 1, "The fee of a transaction is more than the operator allows.", "Correct what the message names, then run the command again: it checks the chain first."),
    ("TransactionFile", 422, 2, "A text is no transaction that can be handled here, or contradicts itself.", "Build it again: `eraswitch tx build`."),
    ("ScriptFile", 422, 2, "A text is not a native script of payment keys.", "Give the script file of the era address."),
    ("ApiVersionMismatch", 412, 1, "A node speaks an API version that the service does not understand.", "Upgrade whichever of the two is older."),
    ("RequestInvalid", 422, 1, "A parameter, a header or the body of a request is not what it must be.", "Read the message: it ends with what to do next."),
    ("MalformedRequest", 400, 1, "A request cannot be understood: its body is not JSON, or a header is malformed.", "Read the message: it ends with what to do next."),
    ("PathNotFound", 404, 1, "There is nothing at the path of a request.", "Read the message: it ends with what to do next."),
    ("MethodNotAllowed", 405, 1, "The path of a request does not take its method.", "Read the message: it ends with what to do next."),
    ("BodyTooLarge", 413, 1, "The body of a request is larger than the service takes.", "Read the message: it ends with what to do next."),
    ("MediaType", 415, 1, "The body of a request is not JSON.", "Read the message: it ends with what to do next."),
    ("TooManyRequests", 429, 1, "A client asks more often than it may.", "Read the message: it ends with what to do next."),
    ("TooManyListeners", 503, 1, "As many clients listen to the event stream as may.", "Read the message: it ends with what to do next."),
    ("ConfigurationNotFound", 404, 1, "No protocol configuration is known for the epoch that is asked about.", "Ask about an epoch that one is published for."),
    ("ConfigurationNotRead", 404, 1, "The service is not configured to read protocol configurations.", "Set `protocol_configuration.enabled`, or ask another service."),
    ("NotAllowed", 403, 1, "An API token does not allow the request, or the service only reads.", "Use a token that allows it: `eraswitch token new`."),
    ("EventLogForeign", 409, 1, "Events of one log were to be added to another one.", "Import them into a new store."),
    ("SourceMissing", 404, 1, "There is no such source, or this user may not read it.", "Correct the path, or who may read it."),
    ("SourceLocked", 503, 1, "Another process holds the source for longer than this one waits.", "Wait until the other process has ended, then run the command again."),
    ("SourceDamaged", 422, 1, "The source is truncated or damaged.", "Get the source again."),
    ("SourceFormat", 422, 1, "The source is of another form than the one it is read as: other tables, columns or fields.", "Name its form, or correct the file."),
)  # fmt: skip

ERROR_CODES: Mapping[str, ErrorCode] = MappingProxyType({row[0]: ErrorCode(*row) for row in _ROWS})
"""Every registered code."""
