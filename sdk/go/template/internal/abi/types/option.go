// Package types has the generic types that the generated bindings use.
package types

// The tags of an Option.
const (
	OptionNone uint8 = iota
	OptionSome
)

// Option is a value that may be absent; the zero Option is.
type Option[T any] struct {
	tag   uint8
	value T
}

// Some is a value that is there.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Tag says whether there is a value.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value; it panics where there is none.
func (o Option[T]) Some() T {
	if o.tag != OptionSome {
		panic("the option is empty")
	}
	return o.value
}
