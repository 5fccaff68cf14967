package keycrm

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// NewValidator returns a validator for Order and Card: it names fields as KeyCRM does and compares a Decimal as a number. It is
// safe for concurrent use and caches what it learns of a struct, so one is made and kept.
func NewValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("schema"), ",")
		return name
	})
	v.RegisterCustomTypeFunc(decimalValue, Decimal(""))
	return v
}

// decimalValue gives the validator a Decimal's number. It is a pointer because "required" takes a bare 0 for nothing, and a
// payment of 0 is a payment; nil is absent. Only signs and bounds are compared, so a float is exact enough. What is no decimal is
// NaN, which fails every comparison.
func decimalValue(v reflect.Value) any {
	if v.String() == "" {
		return nil
	}
	number := math.NaN()
	var d Decimal
	if d.UnmarshalText([]byte(v.String())) == nil {
		if f, err := strconv.ParseFloat(string(d), 64); err == nil {
			number = f
		}
	}
	return &number
}

// PathOf gives KeyCRM's path of the field at fault, as gorilla/schema and KeyCRM's own errors write it: "products.0.price".
func PathOf(fe validator.FieldError) string {
	_, path, _ := strings.Cut(fe.Namespace(), ".")
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}
