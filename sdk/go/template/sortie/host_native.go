//go:build !wasip1

package sortie

import "os"

// TestConfig is the configuration that `go test` sees: a JSON object.
var TestConfig = "{}"

// Export does nothing here: outside of a component nobody calls the scanner but a test.
func Export(Scanner) {}

func configJSON() string { return TestConfig }

func writeLog(_ uint8, message string) { os.Stderr.WriteString(message + "\n") }
