/** An address in this page for bytes that it holds, given back when they are no longer shown. */

import { useEffect, useState } from 'react';

/** Return the address; empty until it is made. */
export function useAddress(blob: Blob, type: string): string {
  const [address, setAddress] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([blob], { type }));
    // eslint-disable-next-line react-hooks/set-state-in-effect -- an address is to be given back, so it is made here
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob, type]);
  return address;
}
