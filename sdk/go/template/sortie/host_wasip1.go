package sortie

import (
	"local/my-rule/internal/abi/runtime"
	"local/my-rule/internal/abi/types"
	"local/my-rule/internal/guest"
	_ "local/my-rule/internal/wit/exports/wit_exports"
	"local/my-rule/internal/wit/imports/sortie_host_config"
	"local/my-rule/internal/wit/imports/sortie_host_log"
	"local/my-rule/internal/wit/imports/sortie_scanner_change"
	"local/my-rule/internal/wit/imports/sortie_scanner_scan"
)

// Export makes a scanner what this component exports.
func Export(scanner Scanner) {
	guest.RulesFunc = func() []sortie_scanner_scan.Rule {
		rules := make([]sortie_scanner_scan.Rule, len(scanner.Rules))
		for i, r := range scanner.Rules {
			rules[i] = sortie_scanner_scan.Rule{
				Id: r.ID, Title: r.Title, Help: r.Help, Severity: uint8(r.Severity),
			}
		}
		return rules
	}
	guest.ScanFunc = func(diff *sortie_scanner_scan.Diff) []sortie_scanner_scan.Finding {
		defer logPanic()
		found := scanner.Scan(NewChange(host{diff}))
		// The host refuses an answer while its change is still held.
		diff.Drop()
		findings := make([]sortie_scanner_scan.Finding, len(found))
		for i, f := range found {
			place := types.None[sortie_scanner_scan.Place]()
			if f.Place != nil {
				place = types.Some(sortie_scanner_scan.Place{
					Path: f.Place.Path, Line: f.Place.Line, Side: uint8(f.Place.Side),
				})
			}
			findings[i] = sortie_scanner_scan.Finding{
				Rule: f.Rule, Severity: uint8(f.Severity), Place: place,
				Message: f.Message, Evidence: f.Evidence,
			}
		}
		return findings
	}
}

// logPanic makes the reason an error in the log; what Go prints by itself counts as information.
func logPanic() {
	if reason := recover(); reason != nil {
		Errorf("panic: %v", reason)
		panic(reason)
	}
}

// host is the change as the host gives it.
type host struct{ diff *sortie_scanner_change.Diff }

func (h host) Files() []File {
	given := runtime.Host(h.diff.Files)
	files := make([]File, len(given))
	for i, f := range given {
		files[i] = File{
			OldPath: or(f.OldPath, ""), NewPath: or(f.NewPath, ""), Kind: Kind(f.Kind),
			Binary: f.Binary, OldMode: f.OldMode, NewMode: f.NewMode,
			Additions: f.Additions, Deletions: f.Deletions,
		}
	}
	return files
}

func (h host) Hunks(file int) []Hunk {
	given := runtime.Host(func() []sortie_scanner_change.Hunk { return h.diff.Hunks(uint32(file)) })
	hunks := make([]Hunk, len(given))
	for i, g := range given {
		lines := make([]Line, len(g.Lines))
		for j, l := range g.Lines {
			lines[j] = Line{LineKind(l.Kind), l.OldLine, l.NewLine, l.Text}
		}
		hunks[i] = Hunk{g.OldStart, g.OldCount, g.NewStart, g.NewCount, g.Section, lines}
	}
	return hunks
}

func (h host) Before(file int) []byte {
	return or(runtime.Host(func() types.Option[[]byte] { return h.diff.Before(uint32(file)) }), nil)
}

func (h host) After(file int) []byte {
	return or(runtime.Host(func() types.Option[[]byte] { return h.diff.After(uint32(file)) }), nil)
}

func or[T any](option types.Option[T], otherwise T) T {
	if option.Tag() == types.OptionSome {
		return option.Some()
	}
	return otherwise
}

func configJSON() string { return runtime.Host(sortie_host_config.All) }

func writeLog(level uint8, message string) { sortie_host_log.Write(level, message) }
