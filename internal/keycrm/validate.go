package keycrm

import (
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// NewValidator returns a validator for Order and Card: it names fields as KeyCRM does and compares a Decimal as a number (see
// [Decimal.ValidatorValue]). It is safe for concurrent use and caches what it learns of a struct, so one is made and kept.
func NewValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("schema"), ",")
		return name
	})
	return v
}

// PathOf gives KeyCRM's path of the field at fault, as gorilla/schema and KeyCRM's own errors write it: "products.0.price".
func PathOf(fe validator.FieldError) string {
	_, path, _ := strings.Cut(fe.Namespace(), ".")
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}
