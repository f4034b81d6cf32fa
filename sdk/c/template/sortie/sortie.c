// Makes a scanner's definitions the functions that the host calls; sortie.h documents the rest.
#include "sortie/sortie.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef exports_sortie_scanner_scan_finding_t finding;

static struct {
    finding *items;
    size_t len, capacity;
} findings;

static void *must(void *memory) {
    if (memory == NULL) {
        abort(); // a trap: the host says that the plugin ran out of memory
    }
    return memory;
}

static sortie_string copy(const void *bytes, size_t len) {
    sortie_string text = {NULL, len};
    if (len > 0) {
        text.ptr = memcpy(must(malloc(len)), bytes, len);
    }
    return text;
}

static sortie_string copy_text(const char *text) { return copy(text, strlen(text)); }

static sortie_string format(const char *message, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, message, arguments);
    if (len < 0) {
        abort();
    }
    char *text = must(malloc((size_t)len + 1));
    vsnprintf(text, (size_t)len + 1, message, again);
    va_end(again);
    return (sortie_string){(uint8_t *)text, (size_t)len};
}

// --- exports ---

void exports_sortie_scanner_scan_rules(exports_sortie_scanner_scan_list_rule_t *ret) {
    ret->len = sortie_rules_len;
    ret->ptr = sortie_rules_len == 0 ? NULL : must(calloc(sortie_rules_len, sizeof *ret->ptr));
    for (size_t i = 0; i < sortie_rules_len; i++) {
        ret->ptr[i].id = copy_text(sortie_rules[i].id);
        ret->ptr[i].title = copy_text(sortie_rules[i].title);
        ret->ptr[i].help = copy_text(sortie_rules[i].help);
        ret->ptr[i].severity = sortie_rules[i].severity;
    }
}

void exports_sortie_scanner_scan_scan(exports_sortie_scanner_scan_borrow_diff_t change,
                                      exports_sortie_scanner_scan_list_finding_t *ret) {
    sortie_scan(change);
    // The host refuses an answer while its change is still held.
    sortie_scanner_change_diff_drop_borrow(change);
    ret->ptr = findings.items;
    ret->len = findings.len;
    // The caller frees them.
    memset(&findings, 0, sizeof findings);
}

// --- the change ---

sortie_files sortie_read_files(sortie_change change) {
    sortie_files files;
    sortie_scanner_change_method_diff_files(change, &files);
    return files;
}

sortie_hunks sortie_read_hunks(sortie_change change, uint32_t file) {
    sortie_hunks hunks;
    sortie_scanner_change_method_diff_hunks(change, file, &hunks);
    return hunks;
}

void sortie_free_hunks(sortie_hunks *hunks) { sortie_scanner_change_list_hunk_free(hunks); }

bool sortie_starts_with(sortie_string text, const char *prefix) {
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

sortie_string sortie_trim(sortie_string text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

// --- what comes of it ---

void sortie_report(const char *rule, sortie_severity severity, const sortie_file *file,
                   const sortie_line *line, const char *message, ...) {
    if (findings.len == findings.capacity) {
        findings.capacity = findings.capacity == 0 ? 16 : 2 * findings.capacity;
        findings.items = must(realloc(findings.items, findings.capacity * sizeof *findings.items));
    }
    bool removed = line->kind == SORTIE_SCANNER_CHANGE_LINE_KIND_REMOVED;
    sortie_string path = removed ? file->old_path.val : file->new_path.val;
    sortie_string evidence = sortie_trim(line->text);
    finding *added = &findings.items[findings.len++];
    memset(added, 0, sizeof *added);
    added->rule = copy_text(rule);
    added->severity = severity;
    added->place.is_some = true;
    added->place.val.path = copy(path.ptr, path.len);
    added->place.val.line = removed ? line->old_line : line->new_line;
    added->place.val.side = removed ? EXPORTS_SORTIE_SCANNER_SCAN_SIDE_OLD
                                    : EXPORTS_SORTIE_SCANNER_SCAN_SIDE_NEW;
    added->evidence = copy(evidence.ptr, evidence.len);
    va_list arguments;
    va_start(arguments, message);
    added->message = format(message, arguments);
    va_end(arguments);
}

static void log_format(sortie_log_level level, const char *message, va_list arguments) {
    sortie_string text = format(message, arguments);
    sortie_host_log_write(level, &text);
    free(text.ptr);
}

void sortie_log(sortie_log_level level, const char *message, ...) {
    va_list arguments;
    va_start(arguments, message);
    log_format(level, message, arguments);
    va_end(arguments);
}

void sortie_fail(const char *message, ...) {
    va_list arguments;
    va_start(arguments, message);
    log_format(SORTIE_LOG_ERROR, message, arguments);
    va_end(arguments);
    abort();
}

// --- configuration ---

bool sortie_config(const char *key, sortie_string *value) {
    sortie_string name = {(uint8_t *)key, strlen(key)};
    return sortie_host_config_get(&name, value);
}

// A position in JSON text that the host wrote: well-formed, but maybe not a list of strings.
typedef struct {
    const uint8_t *at, *end;
} json;

static int take(json *text) { return text->at < text->end ? *text->at++ : -1; }

static int take_after_space(json *text) {
    int byte;
    do {
        byte = take(text);
    } while (byte >= 0 && is_space((uint8_t)byte));
    return byte;
}

// The four digits of \uXXXX, or -1.
static long take_hex(json *text) {
    long value = 0;
    for (int i = 0; i < 4; i++) {
        int byte = take(text);
        int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

// Writes what an escape stands for and returns its length, or 0 when it is none.
static size_t take_escape(json *text, char *out) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    int byte = take(text);
    const char *found = byte > 0 ? strchr(names, byte) : NULL;
    if (found != NULL) {
        *out = values[found - names];
        return 1;
    }
    long code = byte == 'u' ? take_hex(text) : -1;
    if (code >= 0xD800 && code < 0xDC00) {
        long low = take(text) == '\\' && take(text) == 'u' ? take_hex(text) : -1;
        code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : -1;
    }
    if (code <= 0) {
        return 0;
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[len] | code);
    return len;
}

// A string behind its first quote, or NULL.
static char *take_string(json *text) {
    // No escape is shorter than what it stands for.
    char *out = must(malloc((size_t)(text->end - text->at) + 1));
    size_t len = 0;
    for (;;) {
        int byte = take(text);
        if (byte == '"') {
            out[len] = 0;
            return out;
        }
        size_t more = byte == '\\' ? take_escape(text, out + len) : byte > 0;
        if (more == 0) {
            return NULL;
        }
        if (byte != '\\') {
            out[len] = (char)byte;
        }
        len += more;
    }
}

static bool take_strings(json *text, sortie_strings *value) {
    if (take_after_space(text) != '[') {
        return false;
    }
    int byte = take_after_space(text);
    while (byte == '"') {
        value->items = must(realloc(value->items, (value->len + 1) * sizeof *value->items));
        if ((value->items[value->len] = take_string(text)) == NULL) {
            return false;
        }
        value->len++;
        byte = take_after_space(text);
        if (byte == ',' && (byte = take_after_space(text)) != '"') {
            return false;
        }
    }
    return byte == ']' && take_after_space(text) < 0;
}

bool sortie_config_strings(const char *key, sortie_strings *value) {
    *value = (sortie_strings){NULL, 0};
    sortie_string raw;
    if (!sortie_config(key, &raw)) {
        return false;
    }
    json text = {raw.ptr, raw.ptr + raw.len};
    if (!take_strings(&text, value)) {
        sortie_fail("the configuration's `%s` is not a list of strings", key);
    }
    return true;
}
