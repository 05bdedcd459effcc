// Mesh: builds, signs and submits a payment of its own. node mesh.mjs URL KEY RECEIVER
import { BlockfrostProvider, MeshTxBuilder, MeshWallet } from '@meshsdk/core';
import { print } from './answers.mjs';

const [url, key, receiver] = process.argv.slice(2);
const provider = new BlockfrostProvider(url);
const wallet = new MeshWallet({ networkId: 0, fetcher: provider, submitter: provider, key: { type: 'cli', payment: `5820${key}` } });
await wallet.init();
const address = wallet.addresses.enterpriseAddressBech32;
const parameters = await provider.fetchProtocolParameters();
const unspent = await provider.fetchAddressUTxOs(address);
const unsigned = await new MeshTxBuilder({ fetcher: provider, submitter: provider, params: parameters })
  .txOut(receiver, [{ unit: 'lovelace', quantity: '3000000' }])
  .txOutInlineDatumValue({ alternative: 0, fields: ['6d'] })
  .changeAddress(address)
  .selectUtxosFrom(unspent)
  .complete();
const submitted = await wallet.submitTx(await wallet.signTx(unsigned));
print({
  address,
  unspent: unspent.length,
  minFeeA: parameters.minFeeA,
  submitted,
  block: (await provider.fetchTxInfo(submitted)).block,
  received: await provider.fetchAddressUTxOs(receiver),
});
