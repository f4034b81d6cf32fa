// What a scanner in C needs: a change to read, findings to report, configuration and log lines.
//
// A scanner defines `sortie_rules`, `sortie_rules_len` and `sortie_scan`; sortie.c makes them the
// functions that the host calls. Each scan runs in a fresh instance that is thrown away, so memory
// that is not freed is not lost for long; only the hunks of a large change are worth freeing.
//
// Strings from the host are UTF-8 with a length and without a terminating zero.
#ifndef SORTIE_H
#define SORTIE_H

#include <stddef.h>
#include <stdint.h>

#include "bindings/scanner.h"

typedef scanner_string_t sortie_string;
typedef exports_sortie_scanner_scan_borrow_diff_t sortie_change;
typedef sortie_scanner_change_file_change_t sortie_file;
typedef sortie_scanner_change_list_file_change_t sortie_files;
typedef sortie_scanner_change_hunk_t sortie_hunk;
typedef sortie_scanner_change_list_hunk_t sortie_hunks;
typedef sortie_scanner_change_line_t sortie_line;

// What a finding asks for.
typedef enum {
    SORTIE_INFO = EXPORTS_SORTIE_SCANNER_SCAN_SEVERITY_INFO,
    SORTIE_WARN = EXPORTS_SORTIE_SCANNER_SCAN_SEVERITY_WARN,
    SORTIE_BLOCK = EXPORTS_SORTIE_SCANNER_SCAN_SEVERITY_BLOCK,
} sortie_severity;

// How much a log line matters.
typedef enum {
    SORTIE_LOG_DEBUG = SORTIE_HOST_LOG_LEVEL_DEBUG,
    SORTIE_LOG_INFO = SORTIE_HOST_LOG_LEVEL_INFO,
    SORTIE_LOG_WARN = SORTIE_HOST_LOG_LEVEL_WARN,
    SORTIE_LOG_ERROR = SORTIE_HOST_LOG_LEVEL_ERROR,
} sortie_log_level;

typedef struct {
    const char *id;    // stable kebab-case name
    const char *title; // a few words
    const char *help;  // what it looks for and why
    sortie_severity severity;
} sortie_rule;

// --- what a scanner defines ---

extern const sortie_rule sortie_rules[];
extern const size_t sortie_rules_len;
void sortie_scan(sortie_change change);

// --- the change ---

// All changed files. The position of a file in the list is its index.
sortie_files sortie_read_files(sortie_change change);

// The changed lines of one file with their context; none for a binary file or a pure rename.
sortie_hunks sortie_read_hunks(sortie_change change, uint32_t file);

// Gives the memory of one file's hunks back.
void sortie_free_hunks(sortie_hunks *hunks);

// Whether a string begins with the given text.
bool sortie_starts_with(sortie_string text, const char *prefix);

// The text without ASCII white space at both ends; points into it.
sortie_string sortie_trim(sortie_string text);

// --- what comes of it ---

// Reports a finding at one line, with the line's trimmed text as evidence and a message made as
// printf does. The host takes at most 1,000 findings of one scan.
__attribute__((format(printf, 5, 6))) void sortie_report(const char *rule, sortie_severity severity,
                                                         const sortie_file *file,
                                                         const sortie_line *line,
                                                         const char *message, ...);

// Writes one line to the plugin's log. The host takes 1,000 lines a scan and 4,096 bytes a line.
__attribute__((format(printf, 2, 3))) void sortie_log(sortie_log_level level, const char *message,
                                                      ...);

// Ends the scan and keeps the gate shut; the message goes to the log.
__attribute__((format(printf, 1, 2), noreturn)) void sortie_fail(const char *message, ...);

// --- configuration ---

// The value of one key: a string as it is, anything else as JSON text. False when it is not set.
bool sortie_config(const char *key, sortie_string *value);

typedef struct {
    char **items; // each ends with a zero
    size_t len;
} sortie_strings;

// A key that holds a list of strings. False when it is not set; any other value, or a string with a
// zero byte in it, fails the scan.
bool sortie_config_strings(const char *key, sortie_strings *value);

#endif
