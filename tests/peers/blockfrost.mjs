// blockfrost-js: node blockfrost.mjs URL ADDRESS UNIT TRANSACTION UNUSED
import { BlockFrostAPI } from '@blockfrost/blockfrost-js';
import { failure, print } from './answers.mjs';

const [url, address, unit, transaction, unused] = process.argv.slice(2);
const api = new BlockFrostAPI({ projectId: 'preview0000', network: 'preview', customBackend: url, retrySettings: { limit: 0 } });
const latest = await api.blocksLatest();
const submitted = await api.txSubmit(transaction);
print({
  epoch: latest.epoch,
  parameters: (await api.epochsParameters(latest.epoch)).cost_models_raw.PlutusV3.length,
  holding: (await api.addressesUtxosAsset(address, unit)).length,
  submitted,
  block: await api.blocksTxs((await api.txs(submitted)).block),
  cbor: (await api.txsCbor(submitted)).cbor,
  spent: (await api.txsUtxos(submitted)).inputs.length,
  total: await api.addressesTotal(address),
  unused: await failure(api.addresses(unused)),
  malformed: await failure(api.addresses('addr_test1dabbling')),
  refused: await failure(api.txSubmit(transaction)),
});
