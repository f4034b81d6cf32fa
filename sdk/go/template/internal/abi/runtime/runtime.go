// Package runtime is what the generated bindings need of the canonical ABI: memory for what crosses
// the boundary, and handles.
//
// The host asks for memory (cabi_realloc) while it is inside a call that the guest made. The
// component model forbids a guest to call out at that moment, reading a clock included, and two parts
// of Go do so: the garbage collector, which Host therefore switches off around every call of the
// host, and now and then a growing heap, for which the adapter that stands between Go and the host
// answers with the time it knows. Memory comes in chunks, so that one string costs a few
// instructions.
package runtime

import (
	goruntime "runtime"
	"runtime/debug"
	"unsafe"
)

// Memory that the host fills is cut from chunks of this size.
const chunkBytes = 64 << 10

// What the host asks for before Go's own memory works: its state and its stack, 64 KiB each, and the
// lists of arguments and environment variables, which are empty.
const earlyBytes = 192 << 10

var (
	// Of words, so that it is aligned for every type.
	early     [earlyBytes / 8]uint64
	earlyUsed uintptr
	started   bool

	// The chunk in use, and all that were handed out in the call under way: until the bindings have
	// made slices and strings of them, nothing else keeps them alive.
	chunk     []uint64
	chunkUsed uintptr
	lent      [][]uint64
)

func init() { started = true }

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

// Host runs a function that calls the host, and lets go of the memory that the host filled but the
// result does not hold.
func Host[T any](call func() T) T {
	percent := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(percent)
	// Its rest may be filled and then replaced in this very call.
	lent = append(lent, chunk)
	result := call()
	clear(lent)
	lent = lent[:0]
	return result
}

// Allocate makes pinned memory for what the guest gives to the host.
func Allocate(pinner *goruntime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Words are aligned for every type of the canonical ABI.
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(memory)
	return memory
}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host never grows what it asked for")
	}
	if size == 0 {
		return nil
	}
	if !started {
		at := alignUp(earlyUsed, align)
		if at+size > earlyBytes {
			panic("the host wants more memory than there is before the start")
		}
		earlyUsed = at + size
		return unsafe.Add(unsafe.Pointer(&early), at)
	}
	if size > chunkBytes/4 {
		return unsafe.Pointer(unsafe.SliceData(lend(size)))
	}
	at := alignUp(chunkUsed, align)
	if at+size > uintptr(len(chunk))*8 {
		chunk, at = lend(chunkBytes), 0
	}
	chunkUsed = at + size
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(chunk)), at)
}

func lend(size uintptr) []uint64 {
	pauseClock(true)
	memory := make([]uint64, (size+7)/8)
	lent = append(lent, memory)
	pauseClock(false)
	return memory
}

func alignUp(at, align uintptr) uintptr { return (at + align - 1) &^ (align - 1) }

// Handle is a resource of the host; 0 is none.
type Handle struct{ value int32 }

// MakeHandle takes what the host gave.
func MakeHandle(value int32) *Handle {
	h := &Handle{}
	h.Set(value)
	return h
}

// Set gives an empty handle a value.
func (h *Handle) Set(value int32) {
	if value == 0 || h.value != 0 {
		panic("the handle is set already, or to none")
	}
	h.value = value
}

// Use is the value.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("the handle was given away")
	}
	return h.value
}

// Take gives the value away.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil gives the value away, or 0 when there is none.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}
