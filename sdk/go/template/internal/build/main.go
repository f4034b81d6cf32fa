// Command build compiles the plugin to a core module, build/my_rule.wasm, and puts into it which
// world it is written for: a custom section, which Go's linker cannot write itself.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
)

const output = "build/my_rule.wasm"

func main() {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "error: failed to", err)
		os.Exit(1)
	}
}

func build() error {
	compile := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w", "-o", output, ".")
	compile.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	compile.Stdout, compile.Stderr = os.Stdout, os.Stderr
	if err := compile.Run(); err != nil {
		return fmt.Errorf("compile the plugin: %w", err)
	}
	world, err := os.ReadFile("internal/wit/component-type.bin")
	if err != nil {
		return fmt.Errorf("read the world; run this in the plugin's folder: %w", err)
	}
	module, err := os.OpenFile(output, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the module: %w", err)
	}
	_, err = module.Write(customSection("component-type:scanner", world))
	if closed := module.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the world into the module: %w", err)
	}
	return nil
}

// customSection is a section of id 0: its length, then the length of its name, the name, the data.
func customSection(name string, data []byte) []byte {
	body := binary.AppendUvarint(nil, uint64(len(name)))
	body = append(append(body, name...), data...)
	return append(binary.AppendUvarint([]byte{0}, uint64(len(body))), body...)
}
