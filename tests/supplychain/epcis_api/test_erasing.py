"""An event that came in a document is erased: its original goes, and so do the answers of its job."""

import zlib

from ledger import tenancy
from supplychain import operations
from supplychain.models import CapturedDocument, DocumentPart, User
from tests.supplychain.epcis_api.conftest import document, event
from tests.supplychain.epcis_api.test_capture import rows
from tests.supplychain.test_erasure import SECRET, everything_holds, tables_with


def test_the_document_and_the_answers_of_its_job_go_with_the_body(grower, world):
    job = grower.job(
        document(event(1, **{"ex:driver": SECRET}), event(2, action=SECRET)), GS1_Capture_Error_Behaviour="proceed"
    )
    assert job["captured"] == 1
    with tenancy.system():
        kept = CapturedDocument.objects.get()
        DocumentPart.objects.create(document=kept, position=0, tenant=kept.tenant, data=zlib.compress(SECRET.encode()))
    assert {"ledger_body", "supplychain_capturejob"} <= set(tables_with(SECRET))
    asker, decider = (User.objects.create_user(f"{name}@x.example", None) for name in ("one", "two"))
    index = rows()[-1].index
    asked = operations.ask_erasure(
        index, ground="request of the person", party=world.grower.id, asked_by=asker, now=world.later()
    )
    operations.approve_erasure(asked.pk, party=world.operator.id, decided_by=decider, now=world.later())
    assert tables_with(SECRET) == []
    with tenancy.system():
        assert not DocumentPart.objects.exists()
        assert CapturedDocument.objects.get().erased_at == world.now
    assert everything_holds() is True
