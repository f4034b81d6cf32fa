import { config, hasWord, log, scanner } from "./sortie.js";

export const scan = scanner({
  rules: [
    {
      id: "todo-comment",
      title: "Unfinished work",
      help: "Flags an added line that says TODO or FIXME, because it is forgotten once it is merged; what is under vendor/ is not flagged.",
      severity: "warn",
    },
  ],

  *judge(change) {
    const words = config.strings("words", ["TODO", "FIXME"]);
    for (const file of change.files) {
      if (file.newPath?.startsWith("vendor/")) continue;
      for (const line of file.added()) {
        const word = words.find((word) => hasWord(line.text, word));
        if (word) yield { rule: "todo-comment", at: line, message: `\`${word}\` was added` };
      }
    }
    log.info(`${change.files.length} files looked at`);
  },
});
