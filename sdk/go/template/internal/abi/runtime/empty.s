// With an assembly file in the package, Go takes a function without a body on every architecture.
