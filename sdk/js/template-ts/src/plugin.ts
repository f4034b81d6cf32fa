import { type Change, config, type Finding, hasWord, log, type Rule, scanner } from "./sortie.js";

const todoComment: Rule = {
  id: "todo-comment",
  title: "Unfinished work",
  help: "Flags an added line that says TODO or FIXME, because it is forgotten once it is merged; what is under vendor/ is not flagged.",
  severity: "warn",
};

function* judge(change: Change): Iterable<Finding> {
  const words = config.strings("words", ["TODO", "FIXME"]);
  for (const file of change.files) {
    if (file.newPath?.startsWith("vendor/")) continue;
    for (const line of file.added()) {
      const word = words.find((word) => hasWord(line.text, word));
      if (word) yield { rule: todoComment.id, at: line, message: `\`${word}\` was added` };
    }
  }
  log.info(`${change.files.length} files looked at`);
}

export const scan = scanner({ rules: [todoComment], judge });
