// Package guest is what the generated exports call; package sortie sets it.
package guest

import (
	"local/my-rule/internal/wit/imports/sortie_scanner_scan"
)

// The scanner's two functions.
var (
	RulesFunc func() []sortie_scanner_scan.Rule
	ScanFunc  func(*sortie_scanner_scan.Diff) []sortie_scanner_scan.Finding
)

// Rules is the export of that name.
func Rules() []sortie_scanner_scan.Rule { return RulesFunc() }

// Scan is the export of that name.
func Scan(change *sortie_scanner_scan.Diff) []sortie_scanner_scan.Finding { return ScanFunc(change) }
