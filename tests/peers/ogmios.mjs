// The Ogmios TypeScript client: node ogmios.mjs HOST PORT ADDRESS TRANSACTION
import * as ogmios from '@cardano-ogmios/client';
import { failure, print } from './answers.mjs';

const [host, port, address, transaction] = process.argv.slice(2);
const connection = { host, port: Number(port) };
const context = await ogmios.createInteractionContext((error) => { throw error; }, () => {}, { connection });
const health = await ogmios.getServerHealth({ connection: ogmios.createConnectionObject(connection) });
const ledger = await ogmios.createLedgerStateQueryClient(context);
const submission = await ogmios.createTransactionSubmissionClient(context);
const parameters = await ledger.protocolParameters();
const before = await ledger.utxo({ addresses: [address] });
print({
  lastTipUpdate: health.lastTipUpdate,
  epoch: await ledger.epoch(),
  tip: await ledger.networkTip(),
  startTime: await ledger.networkStartTime(),
  costModels: Object.keys(parameters.plutusCostModels),
  unspent: before.length,
  malformed: await failure(ledger.utxo({ addresses: ['addr_test1dabbling'] })),
  evaluated: await submission.evaluateTransaction(transaction),
  notEvaluated: await failure(submission.evaluateTransaction('80')),
  refused: await failure(submission.submitTransaction(transaction.slice(0, -8))),
  submitted: await submission.submitTransaction(transaction),
});
await context.socket.close();
process.exit(0);
