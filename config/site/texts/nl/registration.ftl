## What forms share

form-required = verplicht
form-optional = niet verplicht
form-required-explained = Bij elke vraag staat of een antwoord verplicht is of niet.
form-no-answer = Geen antwoord
form-choose = Maak een keuze
form-yes = Ja
form-no = Nee
form-or = of
form-quoted = “{ $text }”
form-only-if = Alleen als u { $answers } hebt geantwoord op “{ $question }”
form-length-most = Hoogstens { $most } tekens.
form-range-between = Een getal van { $least } tot en met { $most }.
form-range-from = Een getal van minstens { $least }.
form-range-to = Een getal van hoogstens { $most }.
form-seats-left = { $count ->
    [one] nog één plaats vrij
   *[other] nog { $count } plaatsen vrij
}
form-session-full = volzet: u komt op de wachtlijst
form-faults = Er is iets te verbeteren
form-faulty-title = Fout:
form-consent = Ik ga ermee akkoord dat de organisatoren deze gegevens bewaren en gebruiken om de conferentie te laten plaatsvinden
form-consent-member = Deze persoon gaat ermee akkoord dat de organisatoren deze gegevens bewaren en gebruiken om de conferentie te laten plaatsvinden

## Groups of fields

group-person = Over u
group-contact = Hoe wij u bereiken
group-work = Uw functie
group-needs = Wat u nodig hebt
group-member-person = Over de persoon
group-member-contact = Hoe wij de persoon bereiken
group-member-work = Functie van de persoon
group-member-needs = Wat de persoon nodig heeft
group-member-role = Plaats in de delegatie
group-questions = Vragen van deze conferentie
group-consent = Uw gegevens
group-member-consent = Gegevens van de persoon

## Fields

field-category = Categorie
field-honorific = Titel
field-given-name = Voornaam
field-family-name = Familienaam of enige naam
field-name = Naam
field-latin-name = Naam in Latijnse letters
field-birth-date = Geboortedatum
field-email = E-mailadres
field-phone = Telefoonnummer
field-language = Taal van onze berichten
field-organisation = Organisatie
field-position = Functie
field-country = Land
field-accessibility-needs = Toegankelijkheid
field-dietary-needs = Maaltijden
field-sessions = Sessies met een beperkt aantal plaatsen
field-invitation = Uitnodigings- of toegangscode
field-consent = Toestemming
field-privacy-notice-version = Privacyverklaring
field-level = Rang
field-is-head = Leidt de delegatie

## What helps to fill them in

help-honorific = Bijvoorbeeld dr., prof., Z.E. of H.E. De titel staat op de badge.
help-given-name = Laat dit leeg als u maar één naam hebt.
help-family-name = Zoals die op uw badge moet staan.
help-name = Zoals die op uw badge moet staan.
help-latin-name = Alleen als uw naam in een ander schrift staat: zoals in uw paspoort.
help-birth-date = Alleen als de organisatoren die nodig hebben voor de accreditatie.
help-email = Uw bevestiging en uw persoonlijke link worden daarheen gestuurd.
help-phone = Met het landnummer, bijvoorbeeld +32 2 123 45 67.
help-accessibility-needs = Bijvoorbeeld toegang zonder trappen, een gebarentolk, een begeleider.
help-dietary-needs = Wat u niet kunt of niet wilt eten.
help-sessions = Als twee sessies tegelijk plaatsvinden, kunt u er maar één kiezen.
help-invitation = U vindt de code in uw uitnodiging.
help-consent = Zonder uw toestemming bewaren wij niets. Via uw persoonlijke link kunt u zien wat wij van uw inschrijving bewaren, het meeste zelf wijzigen, en uw inschrijving annuleren. Alleen de organisatoren kunnen uw adres en uw categorie wijzigen, en soms uw naam: schrijf hun daarvoor.
help-member-honorific = Bijvoorbeeld dr., prof., Z.E. of H.E. De titel staat op de badge.
help-member-given-name = Laat dit leeg als de persoon maar één naam heeft.
help-member-family-name = Zoals die op de badge moet staan.
help-member-name = Zoals die op de badge moet staan.
help-member-latin-name = Alleen als de naam in een ander schrift staat: zoals in het paspoort.
help-member-birth-date = Alleen als de organisatoren die nodig hebben voor de accreditatie.
help-member-email = Het eigen adres van de persoon: de bevestiging en de persoonlijke link worden daarheen gestuurd.
help-member-shared-email = Het eigen adres van deze persoon, of dat van de missie: meerdere leden mogen het delen. Wij sturen er de bevestiging en de persoonlijke link naartoe.
help-member-phone = Met het landnummer, bijvoorbeeld +32 2 123 45 67.
help-member-country = Als u er geen kiest, is het het land van de delegatie.
help-member-language = Zonder antwoord schrijven wij de persoon in de taal waarin wij u schrijven.
help-member-accessibility-needs = Bijvoorbeeld toegang zonder trappen, een gebarentolk, een begeleider.
help-member-dietary-needs = Wat de persoon niet kan of niet wil eten.
help-member-consent = Vraag de persoon om toestemming voordat u dit verstuurt. Via de persoonlijke link kan de persoon zien wat wij van de inschrijving bewaren.
help-level = Voor de protocollaire rangorde.
help-level-replacing = Zonder antwoord blijft de rang ongewijzigd.
help-is-head = Een delegatie heeft één leider. Als u dit aanvinkt, vervangt de persoon de huidige delegatieleider.

## What can be wrong

fault-required = Vul hier een antwoord in.
fault-empty = Vul hier een antwoord in.
fault-consent_required = Vink het vakje aan: zonder toestemming mogen wij niets bewaren.
fault-outdated = De privacyverklaring is gewijzigd. Lees de verklaring en geef opnieuw uw toestemming.
fault-too_long = Dit is te lang.
fault-too-long-by = Gebruik hoogstens { $most } tekens.
fault-too_short = Dit is te kort.
fault-too_many = Dit zijn er te veel.
fault-control_character = Schrijf gewone tekst, zonder regeleinden of onzichtbare tekens.
fault-invisible_character = Hier staan onzichtbare tekens in. Typ de tekst in plaats van hem te plakken.
fault-too_many_accents = Er staan te veel accenten op één letter.
fault-name_and_parts = Geef de hele naam of de delen ervan, niet beide.
fault-invalid = Kijk dit antwoord na.
fault-link = Schrijf het zonder web- of e-mailadres, en met een spatie na elke punt.
fault-invalid_code = Kies een van de antwoorden.
fault-invalid_email = Vul een adres in zoals naam@example.org.
fault-invalid_phone = Vul een telefoonnummer in zoals +32 2 123 45 67.
fault-invalid_country = Kies een land uit de lijst.
fault-invalid_language = Kies een taal uit de lijst.
fault-unknown_language = Kies een taal uit de lijst.
fault-invalid_date = Vul een datum in zoals 2014-03-31 (jaar, maand, dag).
fault-invalid_url = Vul een adres in dat begint met https:// of http://.
fault-out_of_range = Dit getal is te klein of te groot.
fault-unknown_value = Kies een van de antwoorden.
fault-unknown_reference = Deze keuze wordt niet meer aangeboden. Kies opnieuw.
fault-unknown_field = Dit wordt niet meer gevraagd.
fault-unknown_category = Deze categorie wordt niet aangeboden. Kies opnieuw.
fault-wrong_type = Antwoord zoals het gevraagd wordt.
fault-wrong_length = Kijk dit antwoord na.
fault-duplicate = Kies elk antwoord maar één keer.
fault-overlap = Twee van deze sessies vinden tegelijk plaats. Kies er één van.
fault-session_over = Deze sessie is afgelopen.
fault-not_asked = Deze vraag is niet van toepassing bij uw andere antwoorden. Laat ze leeg.
fault-not_changeable = Alleen de organisatoren kunnen dit wijzigen.
fault-in_the_past = Deze datum ligt in het verleden.
fault-validation = Kijk na wat hieronder is aangeduid.
fault-already-registered = Dit adres is al ingeschreven. In het bericht dat wij daarheen stuurden staat de persoonlijke link naar de inschrijving.
fault-name-registered = Iemand met deze naam is al ingeschreven met dit adres. Mensen die een adres delen, moeten verschillende namen hebben.
fault-registration-closed = Inschrijven is nu niet mogelijk. Wat u hebt ingevuld staat er nog.
fault-conference-over = De conferentie is afgelopen. Dit is niet meer mogelijk.
fault-registration-full = Alle plaatsen zijn bezet en er is geen wachtlijst.
fault-invitation-invalid = Deze uitnodigings- of toegangscode is niet bekend, al gebruikt, of voor een ander adres of een andere categorie.
fault-invitation-needed = Voor deze categorie is een uitnodiging nodig. Vul uw code in.
fault-invitation-over = Deze uitnodiging is gebruikt of verlopen.
fault-wrong-state = Dit kan niet meer: de inschrijving is intussen veranderd.
fault-delegation-full = Alle plaatsen van uw delegatie zijn bezet.
fault-identity-approved = De organisatoren hebben deze persoon aanvaard. Vervang de persoon in plaats van de naam te wijzigen.
fault-precondition-failed = Dit is intussen veranderd. Bekijk het opnieuw.
fault-idempotency-key-reused = Dit formulier is al verstuurd. Open de pagina opnieuw.
fault-too-many-requests = Er is in korte tijd te veel verstuurd. Wacht een minuut en verstuur het opnieuw.
fault-too-large = Dit is te veel in één keer. Maak uw teksten korter.
fault-bad-request = Wij konden niet lezen wat er verstuurd is. Verstuur het opnieuw.
fault-malformed-json = Wij konden niet lezen wat er verstuurd is. Verstuur het opnieuw.
fault-not-found = Hier is niets meer. Open de link in ons laatste bericht.
fault-unauthenticated = Deze link is niet meer geldig. Open de link in ons laatste bericht.
fault-forbidden = Deze link laat dat niet toe.
fault-unavailable = De dienst is op dit moment niet beschikbaar. Wat u hebt ingevuld staat er nog: verstuur het over een minuut opnieuw.
fault-unexpected = Er ging bij ons iets mis. Wat u hebt ingevuld staat er nog: verstuur het over een minuut opnieuw.

## Registering

register-title = Inschrijven
register-choose-category = In welke categorie neemt u deel?
register-no-category = Er is op dit moment niets om voor in te schrijven.
register-over = De conferentie is afgelopen. Inschrijven is niet meer mogelijk.
register-not-enabled = De inschrijving is niet open. Vraag het de organisatoren of kom later terug.
register-as = Inschrijven in de categorie: { $category }
register-with-invitation = Uw uitnodigings- of toegangscode wordt gebruikt.
register-have-code = Ik heb een uitnodigings- of toegangscode
register-use-code = Deze code gebruiken
register-other-category = Een andere categorie kiezen
register-send = Inschrijven
register-send-pending = Ter goedkeuring versturen
register-send-waiting = Op de wachtlijst inschrijven
register-letter-follows = Daarna ontvangt u een e-mail, waarin staat wat u nog moet doen.

category-open = Inschrijven is mogelijk.
category-not-open = Inschrijven is nu niet mogelijk.
category-full = Alle plaatsen zijn bezet en er is geen wachtlijst.
category-waiting-list = Alle plaatsen zijn bezet. Als u zich nu inschrijft, komt u op de wachtlijst en krijgt u bericht zodra er een plaats vrij is.
category-seats-left = { $count ->
    [one] Inschrijven is mogelijk: nog één plaats vrij.
   *[other] Inschrijven is mogelijk: nog { $count } plaatsen vrij.
}
category-opens-at = Inschrijven kan vanaf:
category-closes-at = Inschrijven kan tot:
category-needs-invitation = Alleen met een uitnodigings- of toegangscode.
category-needs-approval = De organisatoren beslissen over elke inschrijving en laten het u weten.
category-verifies-email = U bevestigt uw adres met een link die wij u sturen.

sent-title = Kijk in uw mailbox
sent-what = Er is een bericht onderweg naar het adres dat u hebt opgegeven.
sent-link = Daarin staat hoe het met uw inschrijving staat en of u nog iets moet doen. Wordt u gevraagd uw adres te bevestigen, dan telt uw inschrijving pas wanneer u dat hebt gedaan.
sent-nothing-came = Is er na tien minuten niets aangekomen? Kijk bij de ongewenste e-mail (spam), of schrijf u opnieuw in en let op de spelling van uw adres.

void-title = Deze link werkt niet
void-why = De link is niet geldig, of niet meer.
void-whole-link = Kijk of de hele link is geopend: sommige mailprogramma’s breken lange links af.
void-latest-letter = Als u meerdere berichten van ons hebt, open dan de link in het laatste: eerdere links kunnen vervallen zijn.
void-ask = Helpt dat niet, schrijf dan naar de organisatoren.

again-title = Uw link opnieuw
again-offer = Al ingeschreven? Laat uw persoonlijke link opnieuw sturen.
again-what = Geef het adres waarmee u zich hebt ingeschreven. Wij sturen de persoonlijke link daarheen; als meerdere mensen met dit adres zijn ingeschreven, krijgt ieder een bericht.
again-send = Stuur de link opnieuw
again-sent = Als dit adres is ingeschreven, is de link onderweg.
again-nothing-came = Is er na tien minuten niets aangekomen? Kijk bij de ongewenste e-mail (spam) en let op de spelling van uw adres. Wij sturen hoogstens elke tien minuten een link.

## One’s own registration

own-title = Uw inschrijving
own-back = Terug naar uw inschrijving
own-is-unverified = Bevestig dat dit adres van u is
own-is-pending = De organisatoren beoordelen uw inschrijving
own-is-confirmed = Uw inschrijving is bevestigd
own-is-waitlisted = U staat op de wachtlijst
own-is-offered = Er wordt een plaats voor u vastgehouden
own-is-cancelled = Uw inschrijving is geannuleerd
own-is-rejected = Uw inschrijving is niet aanvaard
own-is-expired = Uw inschrijving is verlopen
own-is-revoked = Uw accreditatie is ingetrokken
own-then-unverified = Uw inschrijving telt pas als u op deze knop hebt gedrukt.
own-then-pending = U hoeft niets te doen. Wij schrijven u zodra er een beslissing is.
own-then-confirmed = Wij verwelkomen u graag.
own-position = U staat op plaats { $position }.
own-then-waitlisted = Zodra er een plaats voor u vrijkomt, schrijven wij u. Kunt u niet meer komen, annuleer dan: zo schuiven anderen op.
own-then-offered = Aanvaard die op tijd. Daarna gaat de plaats naar de volgende en komt u achteraan op de wachtlijst.
own-then-cancelled = Dit kan niet ongedaan worden gemaakt.
own-then-rejected = De beslissing is u per e-mail toegestuurd.
own-then-expired = Het adres werd niet op tijd bevestigd. Wat werd ingevuld, is gewist.
own-then-revoked = U kunt met deze inschrijving niet meer deelnemen.
own-then-over = De conferentie is voorbij. U kunt nog verbeteren wat wij van u bewaren.
own-reason = De organisatoren schrijven:
own-until = Tot:
own-verify = Ja, dit is mijn adres
own-accept = De plaats aanvaarden
own-qr-label = Toegangscode van inschrijving { $reference }
own-qr-what = Toon deze code aan de ingang, op dit scherm of afgedrukt.
own-link-personal = Deze pagina is alleen voor u. Deel de link ervan niet.
own-link-share = Wie de link heeft, kan uw inschrijving zien, wijzigen en annuleren.
own-facts = Uw gegevens
own-reference = Referentie
own-name = Naam
own-dates = Data
own-venue = Plaats
own-sessions = Uw sessies
own-session-waits = (wachtlijst)
own-session-seat = U hebt een plaats
own-session-wished = U hebt om een plaats gevraagd
own-calendar = Toevoegen aan mijn agenda
own-answers = Uw antwoorden
own-acts = Wat u kunt doen
own-programme = Het programma lezen
own-data = Uw gegevens downloaden (JSON-bestand)
own-cancel = Mijn inschrijving annuleren
own-register-anew = Opnieuw inschrijven
own-history = Wat er tot nu toe gebeurde
own-notice-changed = Uw wijzigingen zijn bewaard.
own-notice-sessions = Uw keuze van sessies is bewaard.

event-registered = ingeschreven
event-imported = overgenomen uit een ander systeem
event-verified = adres bevestigd
event-approved = aanvaard door de organisatoren
event-rejected = niet aanvaard door de organisatoren
event-promoted = er kwam een plaats vrij
event-offered = er werd een plaats aangeboden
event-accepted = de plaats werd aanvaard
event-lapsed = het aanbod van een plaats verviel
event-expired = verlopen
event-cancelled = geannuleerd
event-revoked = accreditatie ingetrokken
event-changed = gewijzigd
event-moved = naar een andere categorie verplaatst
event-sessions-changed = keuze van sessies gewijzigd
event-seated = er kwam een plaats in een sessie vrij
event-merged = samengevoegd met een andere inschrijving van dezelfde persoon
event-link-renewed = nieuwe persoonlijke link

change-title = Uw inschrijving wijzigen
change-locked = Wat hierboven staat kunnen alleen de organisatoren wijzigen.
change-send = Wijzigingen bewaren
change-leave = Niets wijzigen

choice-title = Sessies kiezen
choice-what = Vink elke sessie aan die u wilt bijwonen. Als u een sessie uitvinkt, gaat uw plaats naar iemand anders.
choice-none = Voor geen enkele sessie van deze conferentie hoeft u zich in te schrijven: u kunt ze allemaal bijwonen.
choice-send = Deze keuze bewaren

cancel-title = Wilt u uw inschrijving annuleren?
cancel-seat = Uw plaats gaat naar de volgende op de wachtlijst. Ook uw plaatsen in sessies komen vrij.
cancel-place = U verlaat de wachtlijst en verliest uw plaats daarop.
cancel-application = U geeft uw inschrijving op.
cancel-final = Dit kan niet ongedaan worden gemaakt.
cancel-nothing = Er is niets meer om te annuleren.
cancel-send = Ja, mijn inschrijving annuleren
cancel-keep = Nee, behouden

## Delegations

delegation-title = Delegatie: { $name }
delegation-back = Terug naar de delegatie
delegation-size = { $count ->
    [0] De delegatie heeft nog geen leden.
    [one] De delegatie heeft één lid.
   *[other] De delegatie heeft { $count } leden.
}
delegation-left = { $count ->
    [0] Elke plaats is bezet ({ $quota }).
    [one] Van de { $quota } plaatsen is er één vrij.
   *[other] Van de { $quota } plaatsen zijn er { $count } vrij.
}
delegation-link-personal = Deze pagina is voor u als contactpunt. Deel de link ervan niet.
delegation-link-share = Wie de link heeft, ziet de leden en kan leden toevoegen, vervangen en verwijderen. Elk lid ontvangt een eigen link per e-mail.
delegation-members = Leden
delegation-no-members = Er is nog niemand aangewezen.
delegation-head = delegatieleider
delegation-replace = { $name } vervangen
delegation-replace-title = Wie vervangt { $name }?
delegation-replace-what = De nieuwe persoon krijgt de plaats, of de plek op de wachtlijst. De inschrijving van de andere persoon wordt geannuleerd, en beiden ontvangen een bericht. Dit kan niet ongedaan worden gemaakt.
delegation-replace-head = De nieuwe persoon leidt ook de delegatie.
delegation-replace-send = Vervangen
delegation-remove = { $name } verwijderen
delegation-remove-what = De inschrijving wordt geannuleerd, en de persoon ontvangt een bericht. Een vrije plaats gaat naar de volgende op de wachtlijst. Dit kan niet ongedaan worden gemaakt.
delegation-remove-send = Ja, verwijderen
delegation-add = Een lid toevoegen
delegation-add-what = De persoon ontvangt een bericht met een persoonlijke link.
delegation-add-send = Dit lid toevoegen
delegation-not-open = U kunt nu geen leden toevoegen, omdat inschrijven niet mogelijk is. U kunt wel leden vervangen en verwijderen.
delegation-over = De conferentie is afgelopen. Leden kunnen niet meer worden toegevoegd of vervangen.
delegation-full = Alle plaatsen zijn bezet. Om iemand toe te voegen verwijdert of vervangt u eerst een lid, of vraagt u de organisatoren om meer plaatsen.
delegation-needs-approval = De organisatoren beslissen over elk lid.
delegation-notice-added = Het lid is toegevoegd, en er is een bericht onderweg.
delegation-notice-removed = Het lid is verwijderd.
delegation-notice-replaced = Het lid is vervangen, en de berichten zijn onderweg.

status-unverified = adres nog niet bevestigd
status-pending = bij de organisatoren
status-confirmed = bevestigd
status-waitlisted = op de wachtlijst
status-cancelled = geannuleerd
status-rejected = niet aanvaard
status-expired = verlopen
status-revoked = accreditatie ingetrokken

level-as-before = Zoals voorheen
level-head-of-state = Staatshoofd
level-head-of-government = Regeringsleider
level-vice-president = Vicepresident
level-minister = Minister
level-deputy-minister = Viceminister
level-head-of-organisation = Hoofd van een organisatie
level-ambassador = Ambassadeur
level-other = Andere

## Announcements

mail-title = Berichten van de organisatoren
mail-on = U ontvangt aankondigingen en herinneringen.
mail-off = U ontvangt geen aankondigingen en herinneringen meer. Berichten over uw eigen inschrijving ontvangt u nog steeds.
mail-shared = Meerdere mensen kunnen dit adres gebruiken. Wat u hier kiest, geldt voor hen allen.
mail-stop = Geen aankondigingen en herinneringen meer
mail-again = Opnieuw ontvangen
