"""A Finvoice made to order, as far as Globe's "FInvoice" may be one (exact.md §1.4)."""

from __future__ import annotations


def finvoice(
    *, number: str = "F-2026-1", adres_2: str = "58070036", vat: str = "NL002455799B11", code: str = "INV01"
) -> bytes:
    """One row of two pieces at 21 percent."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Finvoice Version="3.0">
  <SellerPartyDetails>
    <SellerPartyIdentifier>69599084</SellerPartyIdentifier>
    <SellerOrganisationName>Leverancier BV</SellerOrganisationName>
    <SellerOrganisationTaxCode>NL123456789B13</SellerOrganisationTaxCode>
    <SellerPostalAddressDetails>
      <SellerStreetName>Kade 1</SellerStreetName>
      <SellerTownName>Delft</SellerTownName>
      <SellerPostCodeIdentifier>2611 AA</SellerPostCodeIdentifier>
      <CountryCode>NL</CountryCode>
    </SellerPostalAddressDetails>
  </SellerPartyDetails>
  <SellerInformationDetails>
    <SellerAccountDetails>
      <SellerAccountID IdentificationSchemeName="IBAN">NL91ABNA0417164300</SellerAccountID>
      <SellerBic IdentificationSchemeName="BIC">ABNANL2A</SellerBic>
    </SellerAccountDetails>
  </SellerInformationDetails>
  <BuyerPartyDetails>
    <BuyerOrganisationName>Klant Holding BV</BuyerOrganisationName>
    <BuyerOrganisationTaxCode>{vat}</BuyerOrganisationTaxCode>
    <BuyerPostalAddressDetails>
      <BuyerStreetName>Postbus 1</BuyerStreetName>
      <BuyerStreetName>{adres_2}</BuyerStreetName>
      <BuyerTownName>Rotterdam</BuyerTownName>
      <BuyerPostCodeIdentifier>3011 AA</BuyerPostCodeIdentifier>
      <CountryCode>NL</CountryCode>
    </BuyerPostalAddressDetails>
  </BuyerPartyDetails>
  <InvoiceDetails>
    <InvoiceTypeCode>{code}</InvoiceTypeCode>
    <InvoiceTypeText>FACTUUR</InvoiceTypeText>
    <OriginCode>Original</OriginCode>
    <InvoiceNumber>{number}</InvoiceNumber>
    <InvoiceDate Format="CCYYMMDD">20261118</InvoiceDate>
    <OrderIdentifier>PO-4711</OrderIdentifier>
    <InvoiceTotalVatExcludedAmount AmountCurrencyIdentifier="EUR">200,00</InvoiceTotalVatExcludedAmount>
    <InvoiceTotalVatAmount AmountCurrencyIdentifier="EUR">42,00</InvoiceTotalVatAmount>
    <InvoiceTotalVatIncludedAmount AmountCurrencyIdentifier="EUR">242,00</InvoiceTotalVatIncludedAmount>
    <VatSpecificationDetails>
      <VatBaseAmount AmountCurrencyIdentifier="EUR">200,00</VatBaseAmount>
      <VatRatePercent>21</VatRatePercent>
      <VatCode>S</VatCode>
      <VatRateAmount AmountCurrencyIdentifier="EUR">42,00</VatRateAmount>
    </VatSpecificationDetails>
    <PaymentTermsDetails>
      <PaymentTermsFreeText>30 dagen netto</PaymentTermsFreeText>
      <InvoiceDueDate Format="CCYYMMDD">20261218</InvoiceDueDate>
    </PaymentTermsDetails>
  </InvoiceDetails>
  <InvoiceRow>
    <ArticleIdentifier>ART-1</ArticleIdentifier>
    <ArticleName>Onderhoud</ArticleName>
    <InvoicedQuantity QuantityUnitCode="st" QuantityUnitCodeUN="C62">2,00</InvoicedQuantity>
    <UnitPriceAmount AmountCurrencyIdentifier="EUR">100,00</UnitPriceAmount>
    <RowPositionIdentifier>1</RowPositionIdentifier>
    <RowVatRatePercent>21</RowVatRatePercent>
    <RowVatCode>S</RowVatCode>
    <RowVatExcludedAmount AmountCurrencyIdentifier="EUR">200,00</RowVatExcludedAmount>
  </InvoiceRow>
  <EpiDetails>
    <EpiPaymentInstructionDetails>
      <EpiRemittanceInfoIdentifier>RF18539007547034</EpiRemittanceInfoIdentifier>
    </EpiPaymentInstructionDetails>
  </EpiDetails>
</Finvoice>
""".encode()
