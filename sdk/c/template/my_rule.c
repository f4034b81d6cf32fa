// Flags unfinished work: added lines with TODO or FIXME as a word of their own. The words can be
// replaced in the plugin's configuration: words = ["HACK"].
#include <string.h>

#include "sortie/sortie.h"

const sortie_rule sortie_rules[] = {{
    .id = "todo-comment",
    .title = "Unfinished work",
    .help = "Flags added lines that say something is unfinished, so that a person decides whether "
            "it may stay. Files under `vendor/` are not looked at.",
    .severity = SORTIE_WARN,
}};
const size_t sortie_rules_len = 1;

static bool part_of_word(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_';
}

// Whether `word` stands in `text` with no letter, digit or `_` of ASCII beside it.
static bool has_word(sortie_string text, const char *word) {
    size_t len = strlen(word);
    for (size_t at = 0; len > 0 && at + len <= text.len; at++) {
        if (memcmp(text.ptr + at, word, len) == 0 &&
            !(at > 0 && part_of_word(text.ptr[at - 1])) &&
            !(at + len < text.len && part_of_word(text.ptr[at + len]))) {
            return true;
        }
    }
    return false;
}

static void scan_line(const sortie_file *file, const sortie_line *line, sortie_strings words) {
    for (size_t w = 0; w < words.len; w++) {
        if (has_word(line->text, words.items[w])) {
            sortie_report("todo-comment", SORTIE_WARN, file, line, "`%s` was added", words.items[w]);
            return;
        }
    }
}

void sortie_scan(sortie_change change) {
    sortie_strings words;
    if (!sortie_config_strings("words", &words)) {
        static char *usual[] = {"TODO", "FIXME"};
        words = (sortie_strings){usual, 2};
    }
    sortie_files files = sortie_read_files(change);
    unsigned looked_at = 0;
    for (uint32_t f = 0; f < files.len; f++) {
        const sortie_file *file = &files.ptr[f];
        if (!file->new_path.is_some || file->binary ||
            sortie_starts_with(file->new_path.val, "vendor/")) {
            continue;
        }
        looked_at++;
        sortie_hunks hunks = sortie_read_hunks(change, f);
        for (size_t h = 0; h < hunks.len; h++) {
            for (size_t l = 0; l < hunks.ptr[h].lines.len; l++) {
                const sortie_line *line = &hunks.ptr[h].lines.ptr[l];
                if (line->kind == SORTIE_SCANNER_CHANGE_LINE_KIND_ADDED) {
                    scan_line(file, line, words);
                }
            }
        }
        sortie_free_hunks(&hunks);
    }
    sortie_log(SORTIE_LOG_INFO, "%u files looked at", looked_at);
}
