module local/my-rule

go 1.24
