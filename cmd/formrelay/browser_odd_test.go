package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
)

// oddPages are forms as shops have them, and nobody thought of; ACTION is the address of the visit's profile. All made by hand.
func oddPages() map[string]string {
	return map[string]string{
		// Fields that hide what the form itself has under their names.
		"hiding": `<form data-formrelay lang="uk" action="ACTION" method="post"><label>Ім’я <input name="name"></label>
			<input name="elements" value="1"><input name="lang" value="2"><input name="id" value="3"><input name="submit" value="4"><input name="method" value="5">
			<input name="reset" value="6"><input name="target" value="7"><input name="length" value="8"><input name="phone" value="0501112233"><button>Так</button></form>`,
		// Two forms of one profile; the second has a place for its messages, and a button that stands outside.
		"pair": `<form data-formrelay action="ACTION" method="post"><label>Ім’я <input name="name"></label><input name="phone"><button>Так</button></form>
			<form data-formrelay action="ACTION" method="post" id="second"><p data-formrelay-status></p><input name="phone" value="0672223344">
			<fieldset disabled><input name="secret" value="no"></fieldset></form>
			<label>Ім’я <input name="name" form="second"></label><button form="second" name="which" value="outside">Так</button>`,
		// One button posts to another profile than the form.
		"elsewhere": `<form data-formrelay action="ACTION" method="post"><input name="name"><input name="phone"><button formaction="ACTION2">Так</button></form>`,
		// Choices, of which a browser posts nothing when none is made, and whose names no identifier can have.
		"choices": `<form data-formrelay action="ACTION" method="post" novalidate><input name="phone">
			<label><input type="radio" name="pay-by" value="card" required>Картка</label><label><input type="radio" name="pay-by" value="cash">Готівка</label>
			<label><input type="checkbox" name="colors[]" value="warm">Теплий</label><label><input type="checkbox" name="colors[]" value="white">Білий</label>
			<select name="rooms[]" multiple aria-describedby="hint"><option>Кухня<option>Спальня</select><p id="hint">Скільки завгодно</p><button>Так</button></form>`,
		// A file's own field is out of sight, as behind a button that the shop has drawn; so is a field that only a script fills in.
		"unseen": `<form data-formrelay action="ACTION" method="post"><input name="name"><input name="phone"><label>Фото <input type="file" name="photo" hidden></label>
			<input type="hidden" name="email" value="olena@"><button>Так</button></form>`,
	}
}

// oddVisits are what happens there. Each has a profile of its own, after its name.
func oddVisits() map[string]func(*visit) {
	return map[string]func(*visit){
		"hiding": fieldsThatHide, "pair": twoForms, "elsewhere": buttonsOwnAddress, "choices": choices, "unseen": errorsOutOfSight,
		"reload": reloadedWhileSending, "proxy": proxyGivesUp, "large": fileTooLarge, "country": countryForLanguage,
		"days": openForDays, "untracked": trackedAfterConsent, "silent": pageSaysItItself, "plaintwice": plainSentTwice,
	}
}

// oddProfile is a visit's profile in place of shopProfile; "" for that.
func oddProfile(name string) string {
	if name != "choices" {
		return ""
	}
	return `creates: order
source_id: 22
form:
  fields:
    pay_by: {validate: required, label: {uk: Оплата}}
    colors: {validate: required, label: {uk: Кольори}}
    "rooms[]": {validate: required, label: {uk: Кімнати}}
map:
  buyer: {phone: "${phone}"}
rest: manager_comment
`
}

func fieldsThatHide(v *visit) {
	v.open("hiding", "")
	v.press()
	if text := v.state("error"); !strings.Contains(text, "Ім’я") {
		v.Error(text)
	}
	if got := eval[string](v, `document.activeElement.name + document.querySelectorAll('.formrelay-error').length`); got != "name1" {
		v.Errorf("the focus and the errors: %s", got)
	}
	v.fill("name", "Олена")
	v.press()
	v.state("success")
	got := v.fields(v.delivers(1)[0])
	for n, name := range []string{"elements", "lang", "id", "submit", "method", "reset", "target", "length"} {
		if got[name] != strconv.Itoa(n+1) {
			v.Errorf("%s is %q", name, got[name])
		}
	}
	if got["_lang"] != "uk" {
		v.Errorf("the language is %q", got["_lang"])
	}
}

func twoForms(v *visit) {
	v.open("pair", "")
	v.press() // the first, which is empty
	v.state("error")
	if got := eval[string](v, `[...document.querySelectorAll('[aria-invalid]')].map(e => e.name + e.form.id).join()`); got != "name,phone" {
		v.Errorf("%s is wrong", got)
	}
	eval[chromedp.Void](v, `document.querySelector('button[form]').click()`)
	v.until(`second.dataset.formrelayState == 'error' && document.activeElement.matches('[form]') && document.activeElement.ariaInvalid`)
	eval[chromedp.Void](v, `document.querySelector('input[form]').value = 'Марія'; document.querySelector('button[form]').click()`)
	v.until(`second.dataset.formrelayState == 'success' && second.querySelector('p').textContent`)
	if got := v.fields(v.delivers(1)[0]); got["which"] != "outside" || got["phone"] != "0672223344" || got["secret"] != "" {
		v.Errorf("posted: %q", got)
	}
	v.fill("name", "Олена")
	v.press()
	v.state("success")
	v.delivers(2)
}

func buttonsOwnAddress(v *visit) {
	v.open("elsewhere", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	if n := v.posted(); n != 0 {
		v.Errorf("the form's own address got %d posts", n)
	}
	v.profile = "elsewhere2"
	v.delivers(1)
}

func choices(v *visit) {
	v.open("choices", "")
	v.fill("phone", "050 111 22 33")
	v.press()
	v.state("error")
	notes := eval[string](v, `[...document.querySelectorAll('.formrelay-error')].map(e => e.previousElementSibling.textContent.trim()).join()`)
	if notes != "Готівка,Білий,КухняСпальня" {
		v.Errorf("the errors stand behind %s", notes)
	}
	if got := eval[string](v, `document.activeElement.value + document.querySelectorAll('[aria-invalid=true]').length`); got != "card5" {
		v.Errorf("the focus and what is wrong: %s", got)
	}
	eval[chromedp.Void](v, `document.querySelectorAll('form label input, form option').forEach(e => e.click ? e.click() : 0)
		document.querySelectorAll('option').forEach(e => { e.selected = true }); document.querySelector('select').dispatchEvent(new Event('input', {bubbles: true}))`)
	left := eval[string](v, `[document.querySelectorAll('.formrelay-error, [aria-invalid], [aria-describedby=""]').length, document.querySelector('select').getAttribute('aria-describedby')].join()`)
	if left != "0,hint" {
		v.Errorf("after the corrections there is left: %s", left)
	}
	v.press()
	v.state("success")
	v.delivers(1)
}

// An error at a field that cannot be seen must not leave the visitor where no error is.
func errorsOutOfSight(v *visit) {
	name := filepath.Join(v.TempDir(), "лампа.txt")
	if err := os.WriteFile(name, []byte("не зображення"), 0o600); err != nil {
		v.Fatal(err)
	}
	v.open("unseen", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("[name=photo]"), []string{name}))
	v.press()
	if text := v.state("error"); !strings.Contains(text, "Пошта") {
		v.Error(text)
	}
	if got := eval[string](v, `document.activeElement.className`); got != "formrelay-status" {
		v.Errorf("the focus is on %q", got)
	}
	v.delivers(0)
}

// Who reloads a page that seems to hang, and sends again what the browser kept, has ordered once.
func reloadedWhileSending(v *visit) {
	var once sync.Once
	stored := make(chan struct{})
	v.via(func(w http.ResponseWriter, r *http.Request, relay http.Handler) {
		first := false
		once.Do(func() { first = true })
		relay.ServeHTTP(w, r)
		if first {
			close(stored)
			<-r.Context().Done() // the answer hangs until the page is left
		}
	})
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	<-stored
	v.do(chromedp.Reload())
	v.until("window.formrelay")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	v.delivers(1)
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	v.delivers(2) // the next fill is another
}

// A proxy that says in HTML when to come back, and that is not soon.
func proxyGivesUp(v *visit) {
	v.via(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><h1>502 Bad Gateway</h1>nginx</html>")
	})
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	if text := v.state("error"); text != "Не вдалося надіслати. Спробуйте ще раз." || v.posted() != 1 {
		v.Errorf("%q after %d posts", text, v.posted())
	}
	if got := eval[string](v, `document.querySelector('[name=name]').value + document.querySelector('button').disabled`); got != "Оленаfalse" {
		v.Error(got)
	}
	v.via(nil)
	v.press()
	v.state("success")
	v.delivers(1)
}

// A file that is larger than the relay takes is said to be so, although the relay does not read it to its end.
func fileTooLarge(v *visit) {
	name := filepath.Join(v.TempDir(), "лампа.png")
	if err := os.WriteFile(name, make([]byte, 40<<20), 0o600); err != nil {
		v.Fatal(err)
	}
	v.open("direct", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("[name=photo]"), []string{name}))
	v.press()
	if text := v.state("error"); !strings.Contains(text, "завеликий") {
		v.Error(text)
	}
	v.delivers(0)
}

// Many pages give the country's code for the language's.
func countryForLanguage(v *visit) {
	v.open("fetch", "")
	eval[chromedp.Void](v, `document.documentElement.lang = 'UA'`)
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.network(true)
	v.press()
	if text := v.state("network"); text != "Немає зв’язку. Надішлемо, щойно він з’явиться." {
		v.Error(text)
	}
	v.network(false)
	v.state("success")
	v.delivers(1)
}

// A page that was left open for days posts no token that has grown too old, nor one that is too young.
func openForDays(v *visit) {
	v.before(`(now => { window.later = 0; Date.now = () => now() + later })(Date.now)`)
	v.open("fetch", "")
	v.linger()
	eval[chromedp.Void](v, `later = 8 * 24 * 3600e3`)
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	if got := v.fields(v.delivers(1)[0]); got["_token"] != "" || got["_idempotency_key"] == "" {
		v.Errorf("posted: %q", got)
	}
	v.until(`performance.getEntriesByType('resource').filter(e => e.name.endsWith('/token')).length == 2`)
}

// Nothing is kept of where a visitor came from before the page says so.
func trackedAfterConsent(v *visit) {
	v.open("untracked", "?utm_source=google")
	const kept = `localStorage.formrelay || ''`
	if got := eval[string](v, kept); got != "" {
		v.Errorf("it keeps %s", got)
	}
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	if got := v.fields(v.delivers(1)[0]); got["utm_source"]+got["_landing"]+got["_first_at"] != "" {
		v.Errorf("posted: %q", got)
	}
	eval[chromedp.Void](v, `formrelay.track()`)
	if got := eval[string](v, kept); !strings.Contains(got, "google") {
		v.Errorf("it keeps %s", got)
	}
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	if got := v.fields(v.delivers(2)[0]); got["utm_source"] != "google" {
		v.Errorf("posted: %q", got)
	}
}

// A page may say everything in its own way, also in place of the message about the network and of the errors.
func pageSaysItItself(v *visit) {
	v.open("fetch", "")
	eval[chromedp.Void](v, `window.told = []; for (const name of ['success', 'error', 'network'])
		document.addEventListener('formrelay:' + name, e => { e.preventDefault(); told.push(name, e.detail.status || e.detail.offline, (e.detail.errors || []).map(e => e.field).join()) })`)
	v.fill("phone", "050 111 22 33")
	v.press()
	v.until(`told.length == 3`)
	v.fill("name", "Олена")
	v.network(true)
	v.press()
	v.until(`told.length == 6`)
	v.network(false)
	v.until(`told.length == 9`)
	if got := eval[string](v, `told.join()`); got != "error,422,name,network,true,,success,202," {
		v.Error(got)
	}
	if got := eval[string](v, `document.querySelector('.formrelay-status').textContent + document.querySelectorAll('.formrelay-error, [aria-invalid]').length + document.querySelector('[name=name]').value`); got != "0Олена" {
		v.Errorf("the page shows %q", got)
	}
	v.delivers(1)
}

// Without a script, too, a double click is one order.
func plainSentTwice(v *visit) {
	v.open("plain", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.do(chromedp.DoubleClick(chromedp.CSS("form button")))
	v.until(`document.querySelector('h1')?.textContent == 'Дякуємо!'`)
	v.delivers(1)
}
