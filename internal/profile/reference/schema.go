package reference

import (
	"encoding/json"
	"strings"

	"formrelay/internal/keycrm"
	"formrelay/internal/profile"
)

// node is one part of a JSON Schema. encoding/json writes its keys in a fixed order.
type node = map[string]any

// Schema is the JSON Schema (draft 7, which editors know best) of a profile: what the loader takes, the schema takes; what it refuses
// is refused by the loader too. The reverse does not hold: expressions, literals and rules are judged by the loader alone.
func Schema() ([]byte, error) {
	language := profile.Language()
	root := block(language)
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "A profile of formrelay"
	root["description"] = "One form: how its fields become an order or a card in KeyCRM."
	root["required"] = []string{"creates", "map"}
	properties, _ := root["properties"].(node)
	properties["map"] = node{"description": docOf(language, "map"), "type": "object"}
	isOrder := node{"properties": node{"creates": wordsNode([]string{"order"})}}
	root["if"] = isOrder
	root["then"] = node{"properties": node{"map": entityNode(keycrm.KindOrder)}, "required": []string{"source_id"}}
	root["else"] = node{"properties": node{"map": entityNode(keycrm.KindCard)}}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// docOf is the reference of a key at the top.
func docOf(language profile.Key, name string) string {
	for _, k := range language.Keys {
		if k.Name == name {
			return k.Doc
		}
	}
	return ""
}

// block is the schema of keys and nothing else.
func block(k profile.Key) node {
	properties := node{}
	for _, child := range k.Keys {
		described := keyNode(child)
		described["description"] = child.Doc
		properties[child.Name] = described
	}
	return node{"type": orNothing("object"), "properties": properties, "additionalProperties": false}
}

// orNothing adds what stands behind a colon that has nothing behind it.
func orNothing(types ...string) []string { return append(types, "null") }

// plain are the types of a single value: 0501, yes and 1.5 are all read as they are written.
func plain() []string { return orNothing("string", "number", "boolean") }

// keyNode is what may stand behind a key.
func keyNode(k profile.Key) node {
	switch k.Kind {
	case profile.KeyBlock:
		return block(k)
	case profile.KeyFields:
		inner := block(profile.Key{Keys: k.Keys})
		return node{"type": orNothing("object"), "additionalProperties": inner}
	case profile.KeyTests:
		return node{"type": orNothing("array"), "items": block(profile.Key{Keys: k.Keys})}
	case profile.KeyList:
		return node{"type": append(plain(), "array"), "items": node{"type": plain()}}
	case profile.KeyLabels:
		properties := node{}
		for _, language := range k.Words {
			properties[language] = node{"type": []string{"string", "number", "boolean"}}
		}
		return node{"type": orNothing("object"), "properties": properties, "additionalProperties": false}
	case profile.KeyTables:
		return node{"type": orNothing("object"), "additionalProperties": node{"type": orNothing("object")}}
	case profile.KeyMap:
		return node{"type": "object"}
	case profile.KeyAny:
		return node{}
	case profile.KeyValue:
	}
	return valueNode(k)
}

// valueNode is a single value.
func valueNode(k profile.Key) node {
	if k.Words != nil {
		return wordsNode(k.Words)
	}
	switch k.Reads {
	case profile.ReadsNumber:
		return choice(node{"type": "integer", "minimum": 0}, node{"type": "string", "pattern": `^\s*[0-9]*\s*$`})
	case profile.ReadsTruth:
		return choice(node{"type": "boolean"}, node{"type": "string", "pattern": `^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])?\s*$`})
	case profile.ReadsSize:
		return choice(node{"type": "integer", "minimum": 1}, node{"type": "string", "pattern": `^\s*([0-9]+\s*([KkMm]?[Bb])?)?\s*$`})
	case profile.ReadsDuration:
		return choice(node{"const": 0}, node{"type": "string", "pattern": `^\s*(0|\+?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))*)\s*$`})
	case profile.ReadsText:
	}
	return node{"type": plain()}
}

// choice is one of several forms, or nothing.
func choice(forms ...node) node {
	return node{"anyOf": append(forms, node{"type": "null"})}
}

// wordsNode is one of some words. An editor offers the words of the first form; the second takes them with blanks around, as the loader
// does.
func wordsNode(words []string) node {
	return choice(node{"enum": words}, node{"type": "string", "pattern": `^\s*(` + strings.Join(words, "|") + `)?\s*$`})
}

// entityNode is the map of an order or a card.
func entityNode(kind keycrm.Kind) node {
	entity := keycrm.Schema(kind)
	root := objectNode(entity, false)
	root["type"] = "object"
	properties, _ := root["properties"].(node)
	delete(properties, "source_id") // stands above the map
	for _, child := range entity.Children {
		if child.Required {
			root["required"] = []string{child.Name}
		}
	}
	return root
}

// condition is what decides about an object or an item.
const (
	whenDoc = "The object is left out unless this holds: not when it is nothing, blank, false, 0, off or no."
	eachDoc = "The item is repeated for each value of a list: ${products}; below it, item is the value and index its number from 0."
)

// objectNode is an object of KeyCRM's.
func objectNode(t *keycrm.Type, conditional bool) node {
	properties := node{}
	for _, child := range t.Children {
		described := typeNode(child)
		described["description"] = child.Doc
		properties[child.Name] = described
	}
	if conditional {
		properties["when"] = node{"type": []string{"string", "number", "boolean"}, "description": whenDoc, "examples": []string{"${amount}"}}
	}
	return node{"properties": properties, "additionalProperties": false}
}

// typeNode is what may stand behind a field of KeyCRM's.
func typeNode(t *keycrm.Type) node {
	switch t.Word {
	case keycrm.WordObject:
		object := objectNode(t, true)
		object["type"] = orNothing("object")
		return object
	case keycrm.WordList:
		return node{"type": orNothing("array"), "items": itemNode(t)}
	case keycrm.WordTexts:
		return node{"type": append(plain(), "array"), "items": node{"type": []string{"string", "number", "boolean"}}, "examples": []string{"${value}", "${list(colors)}"}}
	case keycrm.WordBoolean, keycrm.WordText:
		if t.Enum != nil {
			return choice(node{"enum": t.Enum}, node{"type": "string", "pattern": `\$\{|^\s*(` + strings.Join(t.Enum, "|") + `)?\s*$`})
		}
		return node{"type": plain()}
	case keycrm.WordInteger, keycrm.WordNumber, keycrm.WordAmount, keycrm.WordTime, keycrm.WordDay, keycrm.WordPhone, keycrm.WordEmail:
		return node{"type": orNothing("string", "number")}
	}
	return node{}
}

// itemNode is one item of a list. What KeyCRM wants in it whatever is posted must be there.
func itemNode(t *keycrm.Type) node {
	item := objectNode(t, true)
	item["type"] = "object"
	properties, _ := item["properties"].(node)
	properties["each"] = node{"type": orNothing("string"), "description": eachDoc, "examples": []string{"${products}"}}
	switch t.Name {
	case "custom_fields":
		item["required"] = []string{"uuid", "value"}
	case "properties":
		item["required"] = []string{"name", "value"}
	case "payments":
		item["required"] = []string{"amount"}
		item["anyOf"] = []node{{"required": []string{"payment_method_id"}}, {"required": []string{"payment_method"}}}
	}
	return item
}
