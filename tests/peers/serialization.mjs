// cardano-serialization-lib: builds and signs a payment, which this script submits. node serialization.mjs URL KEY RECEIVER
import * as csl from '@emurgo/cardano-serialization-lib-nodejs';
import { print } from './answers.mjs';

const [url, key, receiver] = process.argv.slice(2);
const get = async (path) => (await fetch(`${url}/${path}`)).json();
const number = (found) => csl.BigNum.from_str(String(found));

const secret = csl.PrivateKey.from_normal_bytes(Buffer.from(key, 'hex'));
const credential = csl.Credential.from_keyhash(secret.to_public().hash());
const address = csl.EnterpriseAddress.new(0, credential).to_address();
const found = await get('epochs/latest/parameters');
const latest = await get('blocks/latest');
const config = csl.TransactionBuilderConfigBuilder.new()
  .fee_algo(csl.LinearFee.new(number(found.min_fee_a), number(found.min_fee_b)))
  .pool_deposit(number(found.pool_deposit))
  .key_deposit(number(found.key_deposit))
  .max_value_size(Number(found.max_val_size))
  .max_tx_size(found.max_tx_size)
  .coins_per_utxo_byte(number(found.coins_per_utxo_size))
  .build();
const unspent = await get(`addresses/${address.to_bech32()}/utxos`);
const inputs = csl.TxInputsBuilder.new();
for (const output of unspent) {
  const input = csl.TransactionInput.new(csl.TransactionHash.from_hex(output.tx_hash), output.output_index);
  inputs.add_regular_input(address, input, csl.Value.new(number(output.amount[0].quantity)));
}
const output = csl.TransactionOutput.new(csl.Address.from_bech32(receiver), csl.Value.new(number(3_000_000)));
output.set_plutus_data(csl.PlutusData.new_bytes(Buffer.from('6d', 'hex')));
const builder = csl.TransactionBuilder.new(config);
builder.set_inputs(inputs);
builder.add_output(output);
builder.set_ttl_bignum(number(latest.slot + 100));
builder.add_change_if_needed(address);
const made = csl.FixedTransaction.new_from_body_bytes(builder.build().to_bytes());
made.sign_and_add_vkey_signature(secret);
const response = await fetch(`${url}/tx/submit`, {
  method: 'POST', headers: { 'Content-Type': 'application/cbor' }, body: made.to_bytes(),
});
const submitted = await response.json();
const back = csl.FixedTransaction.from_hex((await get(`txs/${submitted}/cbor`)).cbor);
print({
  address: address.to_bech32(),
  submitted,
  id: made.transaction_hash().to_hex(),
  back: back.transaction_hash().to_hex(),
  costs: csl.Costmdls.from_json(JSON.stringify({ PlutusV3: found.cost_models_raw.PlutusV3.map(String) })).keys().len(),
});
