// Lucid Evolution: builds, signs and submits a payment of its own. node lucid.mjs URL KEY RECEIVER
import { Blockfrost, Constr, Data, Lucid } from '@lucid-evolution/lucid';
import { print } from './answers.mjs';

const [url, key, receiver] = process.argv.slice(2);
const lucid = await Lucid(new Blockfrost(url, 'any'), 'Custom');
lucid.selectWallet.fromPrivateKey(key);
const address = await lucid.wallet().address();
const unspent = await lucid.wallet().getUtxos();
const datum = Data.to(new Constr(0, ['6d']));
const unsigned = await lucid.newTx().pay.ToAddressWithData(receiver, { kind: 'inline', value: datum }, { lovelace: 3_000_000n }).complete();
const signed = await unsigned.sign.withWallet().complete();
const submitted = await signed.submit();
print({
  address,
  unspent: unspent.length,
  submitted,
  confirmed: await lucid.awaitTx(submitted, 200),
  received: await lucid.utxosAt(receiver),
});
