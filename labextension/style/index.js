import './index.css';
import './cards.css';
import './curves.css';
import './forms.css';
