## What forms share

form-required = obligatoire
form-optional = facultatif
form-required-explained = Chaque question indique si la réponse est obligatoire ou facultative.
form-no-answer = Sans réponse
form-choose = Veuillez choisir
form-yes = Oui
form-no = Non
form-or = ou
form-quoted = « { $text } »
form-only-if = Seulement si vous avez répondu { $answers } à « { $question } »
form-length-most = { $most } caractères au maximum.
form-range-between = Un nombre de { $least } à { $most }.
form-range-from = Un nombre d’au moins { $least }.
form-range-to = Un nombre d’au plus { $most }.
form-seats-left = { $count ->
    [one] { $count } place libre
   *[other] { $count } places libres
}
form-session-full = complet : vous serez sur la liste d’attente
form-faults = Certaines réponses sont à corriger
form-faulty-title = Erreur :
form-consent = J’accepte que l’équipe d’organisation conserve et utilise ces données pour la tenue de la conférence
form-consent-member = La personne a accepté que l’équipe d’organisation conserve et utilise ces données pour la tenue de la conférence

## Groups of fields

group-person = Vous
group-contact = Comment vous joindre
group-work = Vos fonctions
group-needs = Vos besoins
group-member-person = La personne
group-member-contact = Comment joindre la personne
group-member-work = Ses fonctions
group-member-needs = Ses besoins
group-member-role = Place dans la délégation
group-questions = Questions propres à cette conférence
group-consent = Vos données
group-member-consent = Les données de la personne

## Fields

field-category = Catégorie
field-honorific = Titre
field-given-name = Prénom
field-family-name = Nom de famille ou nom unique
field-name = Nom
field-latin-name = Nom en caractères latins
field-birth-date = Date de naissance
field-email = Adresse électronique
field-phone = Numéro de téléphone
field-language = Langue de nos messages
field-organisation = Organisation
field-position = Fonction
field-country = Pays
field-accessibility-needs = Accessibilité
field-dietary-needs = Repas
field-sessions = Sessions à places limitées
field-invitation = Code d’invitation ou d’accès
field-consent = Consentement
field-privacy-notice-version = Protection des données
field-level = Rang
field-is-head = Dirige la délégation

## What helps to fill them in

help-honorific = Par exemple Dr, Prof., S.E. Il figure sur le badge.
help-given-name = À laisser vide si vous n’avez qu’un seul nom.
help-family-name = Tel qu’il doit figurer sur votre badge.
help-name = Tel qu’il doit figurer sur votre badge.
help-latin-name = Seulement si votre nom s’écrit dans une autre écriture : comme dans votre passeport.
help-birth-date = Seulement si elle est demandée pour l’accréditation.
help-email = Votre confirmation et votre lien personnel y sont envoyés.
help-phone = Avec l’indicatif du pays, par exemple +32 2 123 45 67.
help-accessibility-needs = Par exemple un accès sans marches, l’interprétation en langue des signes, une personne qui vous accompagne.
help-dietary-needs = Ce que vous ne pouvez pas ou ne souhaitez pas manger.
help-sessions = Si deux sessions ont lieu en même temps, vous ne pouvez en choisir qu’une.
help-invitation = Il figure dans le message d’invitation.
help-consent = Sans votre accord, nous ne conservons rien. Votre lien personnel vous permet de consulter ce que nous conservons de votre inscription, d’en modifier vous-même la plus grande partie et de l’annuler. Seuls les organisateurs peuvent modifier votre adresse et votre catégorie, et parfois votre nom : merci de leur écrire.
help-member-honorific = Par exemple Dr, Prof., S.E. Il figure sur le badge.
help-member-given-name = À laisser vide si la personne n’a qu’un seul nom.
help-member-family-name = Tel qu’il doit figurer sur le badge.
help-member-name = Tel qu’il doit figurer sur le badge.
help-member-latin-name = Seulement si le nom s’écrit dans une autre écriture : comme dans le passeport.
help-member-birth-date = Seulement si elle est demandée pour l’accréditation.
help-member-email = L’adresse de la personne elle-même : sa confirmation et son lien personnel y sont envoyés.
help-member-shared-email = L’adresse de la personne, ou celle de la mission : plusieurs membres peuvent la partager. Nous y envoyons la confirmation et le lien personnel.
help-member-phone = Avec l’indicatif du pays, par exemple +32 2 123 45 67.
help-member-country = Si vous n’en choisissez aucun, c’est le pays de la délégation.
help-member-language = Sans réponse, nous écrivons à la personne dans la langue dans laquelle nous vous écrivons.
help-member-accessibility-needs = Par exemple un accès sans marches, l’interprétation en langue des signes, une personne qui l’accompagne.
help-member-dietary-needs = Ce que la personne ne peut pas ou ne souhaite pas manger.
help-member-consent = Merci de demander son accord à la personne avant l’envoi. Son lien personnel lui permet de consulter ce que nous conservons de son inscription.
help-level = Pour l’ordre de préséance.
help-level-replacing = Sans réponse, le rang reste inchangé.
help-is-head = Une seule personne dirige la délégation. Si vous cochez cette case, la personne remplace celle qui la dirige actuellement.

## What can be wrong

fault-required = Une réponse est nécessaire.
fault-empty = Une réponse est nécessaire.
fault-consent_required = Veuillez cocher la case : sans accord, nous ne pouvons rien conserver.
fault-outdated = Le texte sur la protection des données a changé. Veuillez le lire et donner de nouveau votre accord.
fault-too_long = Ce texte est trop long.
fault-too-long-by = Veuillez écrire au plus { $most } caractères.
fault-too_short = Ce texte est trop court.
fault-too_many = Il y en a trop.
fault-control_character = Veuillez écrire un texte simple, sans retour à la ligne ni caractères invisibles.
fault-invisible_character = Ce texte contient des caractères invisibles. Veuillez le taper au lieu de le coller.
fault-too_many_accents = Une lettre porte trop d’accents.
fault-name_and_parts = Veuillez indiquer le nom entier ou ses parties, mais pas les deux.
fault-invalid = Veuillez vérifier cette réponse.
fault-link = Merci de l’écrire sans adresse web ni électronique, et avec une espace après chaque point.
fault-invalid_code = Veuillez choisir une des réponses.
fault-invalid_email = Veuillez donner une adresse telle que nom@example.org.
fault-invalid_phone = Veuillez donner un numéro de téléphone tel que +32 2 123 45 67.
fault-invalid_country = Veuillez choisir un pays dans la liste.
fault-invalid_language = Veuillez choisir une langue dans la liste.
fault-unknown_language = Veuillez choisir une langue dans la liste.
fault-invalid_date = Veuillez donner une date telle que 2014-03-31 (année, mois, jour).
fault-invalid_url = Veuillez donner une adresse qui commence par https:// ou http://.
fault-out_of_range = Ce nombre est trop petit ou trop grand.
fault-unknown_value = Veuillez choisir une des réponses.
fault-unknown_reference = Ce choix n’est plus proposé. Veuillez en faire un autre.
fault-unknown_field = Cette question n’est plus posée.
fault-unknown_category = Cette catégorie n’est pas proposée. Veuillez en choisir une autre.
fault-wrong_type = Veuillez répondre de la manière demandée.
fault-wrong_length = Veuillez vérifier cette réponse.
fault-duplicate = Veuillez choisir chaque réponse une seule fois.
fault-overlap = Deux de ces sessions ont lieu en même temps. Veuillez en choisir une.
fault-session_over = Cette session est terminée.
fault-not_asked = Cette question est sans objet compte tenu de vos autres réponses. Veuillez ne rien indiquer.
fault-not_changeable = Seule l’équipe d’organisation peut modifier ceci.
fault-in_the_past = Cette date est passée.
fault-validation = Veuillez vérifier ce qui est signalé ci-dessous.
fault-already-registered = Cette adresse est déjà inscrite. Le message que nous y avons envoyé contient le lien personnel vers l’inscription.
fault-name-registered = Une personne de ce nom est déjà inscrite avec cette adresse. Les personnes qui partagent une adresse doivent avoir des noms différents.
fault-registration-closed = Les inscriptions ne sont pas ouvertes actuellement. Votre saisie est conservée sur cette page.
fault-conference-over = La conférence est terminée : ce n’est plus possible.
fault-registration-full = Toutes les places sont prises, et il n’y a pas de liste d’attente.
fault-invitation-invalid = Ce code d’invitation ou d’accès est inconnu, déjà utilisé, ou destiné à une autre adresse ou à une autre catégorie.
fault-invitation-needed = Cette catégorie est réservée aux personnes invitées. Veuillez indiquer votre code.
fault-invitation-over = Cette invitation a été utilisée ou a pris fin.
fault-wrong-state = Ce n’est plus possible : l’inscription a changé entre-temps.
fault-delegation-full = Toutes les places de votre délégation sont prises.
fault-identity-approved = Cette personne a été acceptée par l’équipe d’organisation. Veuillez la remplacer au lieu de changer son nom.
fault-precondition-failed = Ceci a changé entre-temps. Veuillez l’examiner à nouveau.
fault-idempotency-key-reused = Ce formulaire a déjà été envoyé. Veuillez ouvrir la page à nouveau.
fault-too-many-requests = Trop d’envois en peu de temps. Veuillez attendre une minute, puis envoyer à nouveau.
fault-too-large = L’envoi est trop volumineux. Veuillez raccourcir vos textes.
fault-bad-request = Nous n’avons pas pu lire l’envoi. Veuillez envoyer à nouveau.
fault-malformed-json = Nous n’avons pas pu lire l’envoi. Veuillez envoyer à nouveau.
fault-not-found = Il n’y a plus rien ici. Veuillez ouvrir le lien de notre dernier message.
fault-unauthenticated = Ce lien n’est plus valable. Veuillez ouvrir le lien de notre dernier message.
fault-forbidden = Ce lien ne le permet pas.
fault-unavailable = Le service est momentanément indisponible. Votre saisie est conservée sur cette page : veuillez l’envoyer à nouveau dans une minute.
fault-unexpected = Une erreur est survenue de notre côté. Votre saisie est conservée sur cette page : veuillez l’envoyer à nouveau dans une minute.

## Registering

register-title = S’inscrire
register-choose-category = Dans quelle catégorie participez-vous ?
register-no-category = Aucune inscription n’est proposée pour le moment.
register-over = La conférence est terminée. Il n’est plus possible de s’inscrire.
register-not-enabled = Les inscriptions ne sont pas ouvertes. Veuillez vous adresser à l’équipe d’organisation ou revenir plus tard.
register-as = S’inscrire dans la catégorie : { $category }
register-with-invitation = Votre code d’invitation ou d’accès est pris en compte.
register-have-code = J’ai un code d’invitation ou d’accès
register-use-code = Utiliser ce code
register-other-category = Choisir une autre catégorie
register-send = S’inscrire
register-send-pending = Soumettre ma demande
register-send-waiting = M’inscrire sur la liste d’attente
register-letter-follows = Vous recevrez ensuite un message électronique, qui vous dira ce qu’il vous reste à faire.

category-open = Les inscriptions sont ouvertes.
category-not-open = Les inscriptions ne sont pas ouvertes actuellement.
category-full = Toutes les places sont prises, et il n’y a pas de liste d’attente.
category-waiting-list = Toutes les places sont prises. Si vous vous inscrivez maintenant, vous serez sur la liste d’attente, et nous vous préviendrons dès qu’une place se libère.
category-seats-left = { $count ->
    [one] Les inscriptions sont ouvertes : { $count } place libre.
   *[other] Les inscriptions sont ouvertes : { $count } places libres.
}
category-opens-at = Ouverture :
category-closes-at = Clôture :
category-needs-invitation = Uniquement avec un code d’invitation ou d’accès.
category-needs-approval = L’équipe d’organisation examine chaque demande et vous écrit.
category-verifies-email = Vous confirmez votre adresse par un lien que nous vous envoyons.

sent-title = Consultez votre messagerie
sent-what = Un message est en route vers l’adresse que vous avez donnée.
sent-link = Il vous dit où en est votre inscription et s’il vous reste quelque chose à faire. S’il vous demande de confirmer votre adresse, votre inscription ne compte qu’après cette confirmation.
sent-nothing-came = Rien après dix minutes ? Regardez parmi les courriers indésirables, ou inscrivez-vous à nouveau en vérifiant l’orthographe de votre adresse.

void-title = Ce lien ne fonctionne pas
void-why = Il n’est pas valable, ou ne l’est plus.
void-whole-link = Vérifiez que le lien entier a été ouvert : certains logiciels de messagerie coupent les longs liens.
void-latest-letter = Si vous avez reçu plusieurs messages de notre part, ouvrez le lien du plus récent : les précédents peuvent être périmés.
void-ask = Si cela ne suffit pas, écrivez à l’équipe d’organisation.

again-title = Votre lien, à nouveau
again-offer = Déjà inscrit·e ? Faites-vous renvoyer votre lien personnel.
again-what = Donnez l’adresse avec laquelle vous vous êtes inscrit·e. Nous y envoyons le lien personnel ; si plusieurs personnes sont inscrites avec cette adresse, chacune reçoit un message.
again-send = Renvoyer le lien
again-sent = Si cette adresse est inscrite, son lien est en route.
again-nothing-came = Rien après dix minutes ? Regardez parmi les courriers indésirables et vérifiez l’orthographe de votre adresse. Nous envoyons un lien au plus toutes les dix minutes.

## One’s own registration

own-title = Votre inscription
own-back = Retour à votre inscription
own-is-unverified = Merci de confirmer que cette adresse est la vôtre
own-is-pending = L’équipe d’organisation examine votre inscription
own-is-confirmed = Votre inscription est confirmée
own-is-waitlisted = Vous êtes sur la liste d’attente
own-is-offered = Une place vous est réservée
own-is-cancelled = Votre inscription est annulée
own-is-rejected = Votre inscription n’a pas été acceptée
own-is-expired = Votre inscription a expiré
own-is-revoked = Votre accréditation est retirée
own-then-unverified = Votre inscription ne compte qu’une fois que vous avez appuyé sur ce bouton.
own-then-pending = Vous n’avez rien à faire. Nous vous écrirons dès que la décision sera prise.
own-then-confirmed = Nous nous réjouissons de vous accueillir.
own-position = Vous êtes en position { $position }.
own-then-waitlisted = Dès qu’une place se libère pour vous, nous vous écrivons. Si vous ne pouvez plus venir, merci d’annuler : d’autres avanceront.
own-then-offered = Merci de l’accepter à temps. Passé ce délai, elle revient à la personne suivante, et vous passez à la fin de la liste d’attente.
own-then-cancelled = C’est définitif.
own-then-rejected = La décision vous a été envoyée par message électronique.
own-then-expired = L’adresse n’a pas été confirmée à temps. Ce qui avait été saisi a été effacé.
own-then-revoked = Cette inscription ne vous permet plus de participer.
own-then-over = La conférence est terminée. Vous pouvez encore corriger ce que nous conservons de vous.
own-reason = L’équipe d’organisation vous écrit :
own-until = Jusqu’au :
own-verify = Oui, c’est mon adresse
own-accept = Accepter la place
own-qr-label = Code d’entrée de l’inscription { $reference }
own-qr-what = Présentez ce code à l’entrée, sur cet écran ou imprimé.
own-link-personal = Cette page est personnelle. Ne partagez pas son lien.
own-link-share = Toute personne qui en dispose peut voir, modifier et annuler votre inscription.
own-facts = Vos données
own-reference = Référence
own-name = Nom
own-dates = Dates
own-venue = Lieu
own-sessions = Vos sessions
own-session-waits = (liste d’attente)
own-session-seat = Vous avez une place
own-session-wished = Vous avez demandé une place
own-calendar = Ajouter à mon calendrier
own-answers = Vos réponses
own-acts = Ce que vous pouvez faire
own-programme = Lire le programme
own-data = Télécharger vos données (fichier JSON)
own-cancel = Annuler mon inscription
own-register-anew = S’inscrire à nouveau
own-history = Ce qui s’est passé jusqu’ici
own-notice-changed = Vos modifications sont enregistrées.
own-notice-sessions = Votre choix de sessions est enregistré.

event-registered = inscription
event-imported = reprise d’un autre système
event-verified = adresse confirmée
event-approved = demande acceptée par l’équipe d’organisation
event-rejected = demande non acceptée par l’équipe d’organisation
event-promoted = une place s’est libérée
event-offered = une place a été proposée
event-accepted = place acceptée
event-lapsed = la proposition de place a pris fin
event-expired = expiration
event-cancelled = annulation
event-revoked = accréditation retirée
event-changed = modification
event-moved = passage dans une autre catégorie
event-sessions-changed = choix de sessions modifié
event-seated = une place dans une session s’est libérée
event-merged = réunion avec une autre inscription de la même personne
event-link-renewed = nouveau lien personnel

change-title = Modifier votre inscription
change-locked = Seule l’équipe d’organisation peut modifier ce qui figure ci-dessus.
change-send = Enregistrer les modifications
change-leave = Ne rien changer

choice-title = Choisir des sessions
choice-what = Cochez toutes les sessions auxquelles vous souhaitez assister. Si vous décochez une session, votre place revient à une autre personne.
choice-none = Aucune session de cette conférence ne demande d’inscription : vous pouvez assister à toutes.
choice-send = Enregistrer ce choix

cancel-title = Voulez-vous annuler votre inscription ?
cancel-seat = Votre place revient à la personne suivante de la liste d’attente. Vos places dans les sessions sont également libérées.
cancel-place = Vous quittez la liste d’attente et y perdez votre rang.
cancel-application = Vous renoncez à votre inscription.
cancel-final = C’est définitif.
cancel-nothing = Il n’y a plus rien à annuler.
cancel-send = Oui, annuler mon inscription
cancel-keep = Non, la conserver

## Delegations

delegation-title = Délégation : { $name }
delegation-back = Retour à la délégation
delegation-size = { $count ->
    [0] La délégation n’a pas encore de membres.
    [one] La délégation compte { $count } membre.
   *[other] La délégation compte { $count } membres.
}
delegation-left = { $count ->
    [0] Toutes les places sont prises ({ $quota }).
    [one] { $count } place sur { $quota } est libre.
   *[other] { $count } places sur { $quota } sont libres.
}
delegation-link-personal = Cette page vous est destinée en tant que point focal. Ne partagez pas son lien.
delegation-link-share = Toute personne qui en dispose voit les membres et peut en ajouter, en remplacer et en retirer. Chaque membre reçoit son propre lien par message électronique.
delegation-members = Membres
delegation-no-members = Personne n’a été désigné jusqu’ici.
delegation-head = tête de délégation
delegation-replace = Remplacer une personne : { $name }
delegation-replace-title = Remplacer { $name }
delegation-replace-what = La nouvelle personne reprend la place, ou le rang sur la liste d’attente. L’inscription de l’autre personne est annulée, et toutes deux reçoivent un message. C’est définitif.
delegation-replace-head = La nouvelle personne dirige aussi la délégation.
delegation-replace-send = Remplacer
delegation-remove = Retirer { $name }
delegation-remove-what = L’inscription est annulée, et la personne reçoit un message. Une place revient à la personne suivante de la liste d’attente. C’est définitif.
delegation-remove-send = Oui, retirer
delegation-add = Ajouter un membre
delegation-add-what = La personne reçoit un message avec un lien personnel.
delegation-add-send = Ajouter ce membre
delegation-not-open = Il n’est pas possible d’ajouter des membres actuellement, car les inscriptions ne sont pas ouvertes. Vous pouvez toujours en remplacer et en retirer.
delegation-over = La conférence est terminée. Il n’est plus possible d’ajouter ni de remplacer des membres.
delegation-full = Toutes les places sont prises. Pour ajouter une personne, retirez ou remplacez d’abord un membre, ou demandez d’autres places à l’équipe d’organisation.
delegation-needs-approval = L’équipe d’organisation décide pour chaque membre.
delegation-notice-added = Le membre est ajouté, et un message est en route.
delegation-notice-removed = Le membre est retiré.
delegation-notice-replaced = Le membre est remplacé, et les messages sont en route.

status-unverified = adresse non encore confirmée
status-pending = demande à l’examen
status-confirmed = inscription confirmée
status-waitlisted = sur la liste d’attente
status-cancelled = inscription annulée
status-rejected = demande non acceptée
status-expired = inscription expirée
status-revoked = accréditation retirée

level-as-before = Comme auparavant
level-head-of-state = Cheffe ou chef d’État
level-head-of-government = Cheffe ou chef de gouvernement
level-vice-president = Vice-présidence
level-minister = Ministre
level-deputy-minister = Vice-ministre
level-head-of-organisation = Direction d’une organisation
level-ambassador = Ambassadrice ou ambassadeur
level-other = Autre

## Announcements

mail-title = Messages de l’équipe d’organisation
mail-on = Vous recevez les annonces et les rappels.
mail-off = Vous ne recevez plus ni annonces ni rappels. Les messages concernant votre propre inscription vous sont toujours envoyés.
mail-shared = Plusieurs personnes peuvent utiliser cette adresse. Votre choix vaut pour toutes.
mail-stop = Ne plus recevoir d’annonces ni de rappels
mail-again = Les recevoir à nouveau
