/** An app that prints numbered lines, some of them long, until its input ends; then it says how many and exits in the
 *  middle of a line. */
const [name = "", linesPerTurn = "20"] = process.argv.slice(2);
let isStopped = false;
process.stdin.resume().on("end", () => {
  isStopped = true;
});

let count = 0;
function turn(): void {
  let text = "";
  for (let index = 0; index < Number(linesPerTurn); index += 1) {
    const filler = count % 400 === 399 ? "é".repeat(50_000) : '"x" '.repeat(count % 20);
    text += `${name} ${String(count)} ${filler}\n`;
    count += 1;
  }
  process.stdout.write(text);
  if (isStopped) process.stdout.write(`${name} ${String(count)} end`);
  else setTimeout(turn, 1);
}
turn();
