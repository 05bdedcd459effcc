// The Scalus emulator over stdin and stdout, one JSON document a line.
//
// {"ledger": 1, "utxos": "<CBOR hex of a map of inputs to outputs>", "slot": 7}   opens a ledger
// {"ledger": 1, "submit": "<transaction hex>"}                                    judges a transaction
//
// Each line is answered by one: {"accepted": true, "hash": "…"} or {"accepted": false, "error": "…"}, or {} where nothing was judged.
import readline from 'node:readline';
import pkg from 'scalus';

const { Emulator, SlotConfig } = pkg;
const ledgers = new Map();

function bytes(hex) {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function submit(ledger, hex) {
  try {
    const result = ledger.submitTx(bytes(hex));
    return result.isSuccess ? { accepted: true, hash: result.txHash } : { accepted: false, error: result.error };
  } catch (error) {
    // bytes that it cannot decode are thrown, not returned
    return { accepted: false, error: String(error?.message ?? error) };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.utxos !== undefined) {
    ledgers.set(asked.ledger, Emulator.withState({ utxos: bytes(asked.utxos) }, SlotConfig.preview));
  }
  const ledger = ledgers.get(asked.ledger);
  if (asked.slot !== undefined) ledger.setSlot(asked.slot);
  console.log(JSON.stringify(asked.submit === undefined ? {} : submit(ledger, asked.submit)));
}
