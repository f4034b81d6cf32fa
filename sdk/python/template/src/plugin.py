from collections.abc import Iterable

from sortie import Change, Finding, Rule, Scanner, config, has_word, log

TODO_COMMENT = Rule(
    id="todo-comment",
    title="Unfinished work",
    help="Flags an added line that says TODO or FIXME, because it is forgotten once it is merged; what is under vendor/ is not flagged.",
    severity="warn",
)


class Scan(Scanner):
    RULES = [TODO_COMMENT]

    def judge(self, change: Change) -> Iterable[Finding]:
        words = config.strings("words", ["TODO", "FIXME"])
        for file in change.files:
            if (file.new_path or "").startswith("vendor/"):
                continue
            for line in file.added():
                word = next((word for word in words if has_word(line.text, word)), None)
                if word is not None:
                    yield Finding(TODO_COMMENT, f"`{word}` was added", at=line)
        log.info(f"{len(change.files)} files looked at")
