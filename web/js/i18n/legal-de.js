// Platzhalter der rechtlichen Seiten. "## " beginnt eine Überschrift.
export default {
  imprint: ["Hier stehen in einem echten Laden Name, Anschrift, Vertretung, Kontakt, Register und Umsatzsteuer-Identifikationsnummer (§ 5 DDG).", "Dieser Vorführladen hat keinen Betreiber, der etwas verkauft."],
  privacy: [
    "## Was dieser Browser behält", "Warenkorb, Lieferland, Sprache, eine noch ungeklärte Bestellung und die Zugangsschlüssel Ihrer Bestellungen liegen im Speicher dieses Browsers. Ihre Angaben an der Kasse bleiben nur, solange dieses Fenster offen ist. Es gibt keine Cookies und keine Dienste Dritter auf dieser Seite.",
    "## Was wir bekommen", "Mit der Bestellung senden Sie Name, E-Mail und Lieferanschrift. Kartendaten geben Sie allein auf der Bezahlseite des Zahlungsdienstes ein.",
    "## In einem echten Laden", "Hier stünden Verantwortlicher, Zwecke, Rechtsgrundlagen, Empfänger, Speicherdauer und Ihre Rechte (Art. 13 DSGVO)."],
  withdrawal: ["Hier steht in einem echten Laden die Widerrufsbelehrung mit Frist, Folgen und Muster-Widerrufsformular (§§ 355, 356 BGB, Art. 246a EGBGB) und der Weg, den Vertrag auf der Seite selbst zu widerrufen.", "In diesem Vorführladen kommt kein Vertrag zustande."],
  terms: ["Hier stehen in einem echten Laden die Allgemeinen Geschäftsbedingungen: Vertragsschluss, Preise, Lieferung, Eigentumsvorbehalt, Gewährleistung und Streitbeilegung.", "In diesem Vorführladen gibt es keine."],
  shipping: ["## Versand", "Der Versand kostet je Land einen festen Betrag; ab einem bestimmten Warenwert ist er frei. Was er für Ihre Bestellung kostet, steht im Warenkorb, sobald Sie das Lieferland wählen, und noch einmal über dem Bestellknopf.", "## Zahlung", "Bezahlt wird gleich nach der Bestellung auf der Bezahlseite. Bis zur dort genannten Zeit bleibt alles für Sie zurückgelegt."],
};
